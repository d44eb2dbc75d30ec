import { GAME_LABEL, OWNER, OWNER_LABEL } from '../../lib/docker/labels.ts';

interface Told {
  readonly action: string;
  readonly id: string;
  readonly gameId?: string;
  readonly atNanos?: bigint;
  readonly labels?: Readonly<Record<string, string>>;
}

/** One line of the event stream, as Docker writes it. */
export function toldEvent({
  action,
  id,
  gameId = 'g',
  atNanos = 1_767_225_600_123_456_789n,
  labels = { [OWNER_LABEL]: OWNER, [GAME_LABEL]: gameId },
}: Told): string {
  const actor = JSON.stringify({
    ID: id,
    Attributes: { ...labels, exitCode: '137', name: `galaxy-game-${gameId}` },
  });
  const head = `"status":"${action}","id":"${id}","from":"galaxy/game:1.0.0","Type":"container","Action":"${action}"`;
  return `{${head},"Actor":${actor},"scope":"local","time":${atNanos / 1_000_000_000n},"timeNano":${atNanos}}\n`;
}
