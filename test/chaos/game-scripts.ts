import { type Lobby, STREAMS } from '../helpers/lobby.ts';

/** One request of a game, and how it must end when everything before it in the script has ended so. */
export interface Step {
  readonly opKind: 'start' | 'stop';
  write(lobby: Lobby, gameId: string): Promise<string>;
  /** `''` is a success that did something. */
  readonly ends: string;
}

/**
 * Two lives of a game, eight and seven requests long: one that needs a container twice and runs in the end, one in
 * which nothing works.
 */
export function makeScripts(image: string, otherImage: string): readonly [Step[], Step[]] {
  const start = (imageRef: string, ends: string): Step => ({
    opKind: 'start',
    write: (lobby, gameId) => lobby.start(gameId, imageRef),
    ends,
  });
  const stop = (ends: string): Step => ({
    opKind: 'stop',
    write: (lobby, gameId) => lobby.stop(gameId, 'admin_request'),
    ends,
  });
  const noReference = start('Not An Image', 'start_config_invalid');
  const noRegistry = start('127.0.0.1:1/engines/none:1.0.0', 'image_pull_failed');
  return [
    [
      start(image, ''),
      start(`docker.io/${image}`, 'replay_no_op'),
      start(otherImage, 'conflict'),
      stop(''),
      stop('replay_no_op'),
      noReference,
      start(image, ''),
      start(image, 'replay_no_op'),
    ],
    [
      stop('not_found'),
      noReference,
      noRegistry,
      stop('not_found'),
      noRegistry,
      noReference,
      stop('not_found'),
    ],
  ];
}

/** An entry that no operation can be made of. */
export interface Poison {
  readonly stream: string;
  /** Names and values as XADD takes them. */
  readonly fields: readonly (string | Buffer)[];
  /** The game id to which the refusal is answered; undefined where the entry names none. */
  readonly answeredTo: string | undefined;
}

const NO_UTF8 = Buffer.from([0x67, 0xff, 0xc3, 0x28]);

/** Ten ways to be wrong about a game that is right otherwise. */
export function makePoison(gameId: string): Poison[] {
  const { startJobs, stopJobs } = STREAMS;
  const game = ['game_id', gameId];
  const image = ['image_ref', 'galaxy/game:1.0.0'];
  const at = ['requested_at_ms', '1767225600000'];
  return [
    { stream: startJobs, fields: [...game, ...at], answeredTo: gameId },
    { stream: startJobs, fields: [...game, ...image], answeredTo: gameId },
    { stream: startJobs, fields: [...image, ...at], answeredTo: undefined },
    { stream: startJobs, fields: ['game_id', '../etc', ...image, ...at], answeredTo: '../etc' },
    { stream: startJobs, fields: ['game_id', '', ...image, ...at], answeredTo: undefined },
    { stream: startJobs, fields: [...game, ...image, 'requested_at_ms', 'soon'], answeredTo: gameId },
    { stream: startJobs, fields: [...game, ...image, ...game, ...at], answeredTo: gameId },
    { stream: stopJobs, fields: [...game, 'reason', 'boredom', ...at], answeredTo: gameId },
    {
      stream: stopJobs,
      fields: ['game_id', NO_UTF8, 'reason', 'finished', ...at],
      answeredTo: 'g\\xFF\\xC3(',
    },
    {
      stream: stopJobs,
      fields: ['\0', Buffer.from([0, 1, 2, 0xfe]), 'payload', '{"a":'],
      answeredTo: undefined,
    },
  ];
}
