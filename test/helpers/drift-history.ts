import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { handlers } from '../../handlers/index.ts';
import { GAME_LABEL, OWNER, OWNER_LABEL } from '../../lib/docker/labels.ts';
import { isGameId, parseGameId } from '../../lib/game-id.ts';
import { containerName } from '../../lib/game-names.ts';
import { crashingAt } from './crash.ts';
import type { Drift } from './drift.ts';
import type { FakeContainer } from './fake-docker-world.ts';
import { type HandlerSide, NEW_IMAGE, OLD_IMAGE } from './handler-side.ts';

/** Something that happens to games, whoever does it. */
export type Happening =
  /** RTM runs an operation; with a number it dies behind that step, and holds the game's turn from then on. */
  | {
      readonly what: 'operation';
      readonly game: string;
      readonly kind: RtmKind;
      readonly diesAt: number | null;
    }
  /** RTM accepts an operation that nobody runs yet. */
  | { readonly what: 'request'; readonly game: string }
  /** Somebody does something to one of the containers by hand. */
  | { readonly what: 'hand'; readonly which: number; readonly does: keyof typeof BY_HAND }
  /** A container with our labels appears. */
  | {
      readonly what: 'container';
      readonly game: string;
      readonly state: FakeContainer['state'];
      readonly madeBy: MadeBy;
      readonly named: boolean;
    }
  | { readonly what: 'foreign'; readonly game: string; readonly how: keyof typeof FOREIGN }
  /** PostgreSQL is restored from before the game was. */
  | { readonly what: 'record lost'; readonly game: string }
  /** An hour passes. */
  | { readonly what: 'hour' };

type RtmKind = 'start' | 'stop' | 'restart' | 'patch' | 'cleanup_container';
/** The operation that a container's label names. */
type MadeBy = 'long ended' | 'just ended' | 'unfinished' | 'of another game' | 'unknown' | 'nobody';

const BY_HAND = {
  stop: (one) => (isUp(one) ? { state: 'exited', exitCode: 0 } : {}),
  kill: (one) => (isUp(one) ? { state: 'exited', exitCode: 137 } : {}),
  'run out of memory': (one) => (isUp(one) ? { state: 'exited', exitCode: 137, oomKilled: true } : {}),
  pause: (one) => (one.state === 'running' ? { state: 'paused' } : {}),
  start: () => ({ state: 'running', exitCode: 0, oomKilled: false }),
  disconnect: () => ({ networks: [] }),
  remove: () => null,
} as const satisfies Record<string, (one: FakeContainer) => Partial<FakeContainer> | null>;

const FOREIGN = {
  'of another owner': (game) => ({ labels: { [OWNER_LABEL]: 'somebody', [GAME_LABEL]: game } }),
  'without labels': () => ({ labels: null }),
  'of another network': (game) => ({
    labels: { [OWNER_LABEL]: OWNER, [GAME_LABEL]: game },
    networks: ['other'],
  }),
  'of no game': () => ({ labels: { [OWNER_LABEL]: OWNER } }),
  'of an impossible game': () => ({ labels: { [OWNER_LABEL]: OWNER, [GAME_LABEL]: '../etc' } }),
} as const satisfies Record<string, (game: string) => Partial<FakeContainer>>;

export const GAMES = ['g1', 'g2', 'g3'] as const;

const isUp = ({ state }: FakeContainer): boolean => state === 'running' || state === 'paused';
const keysOf = <T extends object>(table: T) => fc.constantFrom(...(Object.keys(table) as (keyof T)[]));
const game = fc.constantFrom(...GAMES);
const byHand = fc.record({ what: fc.constant('hand' as const), which: fc.nat(99), does: keysOf(BY_HAND) });
const container = fc.record({
  what: fc.constant('container' as const),
  game,
  state: fc.constantFrom('running' as const, 'exited' as const, 'created' as const, 'paused' as const),
  madeBy: fc.oneof(
    { weight: 6, arbitrary: fc.constant<MadeBy>('long ended') },
    {
      weight: 4,
      arbitrary: fc.constantFrom<MadeBy>('just ended', 'of another game', 'unknown', 'nobody'),
    },
    { weight: 1, arbitrary: fc.constant<MadeBy>('unfinished') },
  ),
  named: fc.boolean(),
});
const operation = fc.record({
  what: fc.constant('operation' as const),
  game,
  kind: fc.constantFrom<RtmKind>('start', 'start', 'stop', 'restart', 'patch', 'cleanup_container'),
  diesAt: fc.oneof({ weight: 5, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: fc.nat(12) }),
});
const request = fc.record({ what: fc.constant('request' as const), game });

/** Anything at all. */
export const happening: fc.Arbitrary<Happening> = fc.oneof(
  { weight: 8, arbitrary: operation },
  { weight: 20, arbitrary: byHand },
  { weight: 8, arbitrary: container },
  { weight: 2, arbitrary: fc.record({ what: fc.constant('foreign' as const), game, how: keysOf(FOREIGN) }) },
  { weight: 1, arbitrary: request },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('record lost' as const), game }) },
  { weight: 2, arbitrary: fc.constant({ what: 'hour' as const }) },
);

/** What may happen in the middle of something else. */
export const interruption: fc.Arbitrary<Happening> = fc.oneof(
  { weight: 8, arbitrary: byHand },
  { weight: 4, arbitrary: container },
  { weight: 3, arbitrary: operation },
  { weight: 1, arbitrary: request },
);

/** Whether a container is none of RTM's business: no pass may so much as touch it. */
export const isForeign = ({ labels, networks }: FakeContainer): boolean =>
  labels?.[OWNER_LABEL] !== OWNER || !isGameId(labels[GAME_LABEL]) || !networks.includes('galaxy');

/** Lets it happen. */
export async function happen(happening: Happening, side: HandlerSide, drift: Drift): Promise<void> {
  const { store, world } = side;
  switch (happening.what) {
    case 'operation':
      return runOperation(happening, side);
    case 'request':
      return store.queue({ gameId: happening.game, opKind: 'restart', imageRef: null });
    case 'hand': {
      const all = [...world.containers.values()].filter((one) => !isForeign(one));
      const one = all[happening.which % Math.max(all.length, 1)];
      if (!one) return;
      const change = BY_HAND[happening.does](one);
      if (change) world.containers.set(one.id, { ...one, ...change });
      else world.containers.delete(one.id);
      return;
    }
    case 'container': {
      const name = containerName(parseGameId(happening.game));
      const isTaken = [...world.containers.values()].some((one) => one.name === name);
      drift.putContainer(happening.game, {
        state: happening.state,
        operationId: await operationOf(happening, side, drift),
        ...(happening.named && !isTaken ? { name } : {}),
      });
      return;
    }
    case 'foreign':
      drift.putContainer(happening.game, FOREIGN[happening.how](happening.game));
      return;
    case 'record lost':
      await store.rows('delete from rtmanager.runtime_records where game_id = $1', [happening.game]);
      return;
    case 'hour':
      await store.rows(
        `update rtmanager.operation_log set finished_at = finished_at - interval '1 hour' where status = 'finished'`,
      );
  }
}

async function runOperation(
  { game, kind, diesAt }: Extract<Happening, { what: 'operation' }>,
  { store, run }: HandlerSide,
): Promise<void> {
  await store.queue({ gameId: game, opKind: kind, imageRef: kind === 'patch' ? NEW_IMAGE : OLD_IMAGE });
  const point = diesAt === null ? undefined : ({ step: diesAt, when: 'after' } as const);
  await run(game, kind, crashingAt(handlers[kind], point).handler);
}

async function operationOf(
  { game, madeBy }: Extract<Happening, { what: 'container' }>,
  { store }: HandlerSide,
  drift: Drift,
): Promise<string> {
  switch (madeBy) {
    case 'long ended':
      return drift.putEnded(game);
    case 'just ended':
      return drift.putEnded(game, 1_000);
    case 'of another game':
      return drift.putEnded(GAMES.find((one) => one !== game) ?? '');
    case 'unfinished': {
      const operationId = randomUUID();
      await store.queue({ gameId: game, operationId });
      return operationId;
    }
    case 'unknown':
      return randomUUID();
    case 'nobody':
      return '';
  }
}
