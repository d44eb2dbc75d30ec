import type { Effects, Outcome } from '../../lib/effects.ts';
import type { Operation } from '../../lib/operation.ts';
import { recordStop } from '../../lib/runtime-record.ts';
import { toShownText } from '../../lib/shown-text.ts';
import { commitOutcome } from '../../sql/commit-operation.ts';
import type { WaitingGame } from '../../sql/operation-log.ts';
import { getRecord } from '../../sql/runtime-records.ts';
import { makeRecord } from './records.ts';
import type { Store } from './store.ts';

/** What an operation comes to. */
export interface PlayedEnd {
  readonly outcome?: Partial<Outcome>;
  readonly effects?: Effects;
}

/** Runs operations as a replica would, by the same statements, but for Docker: the test says how they end. */
export interface PlayedRunner {
  /** What every operation comes to; null leaves it in its queue. */
  end: ((operation: Operation) => PlayedEnd | Promise<PlayedEnd>) | null;
  /** As the dispatcher's, except that the games run at once. */
  readonly wake: (games: readonly WaitingGame[]) => Promise<void>;
  /** Claims the head of a game and ends it. */
  readonly run: (gameId: string, end?: PlayedEnd) => Promise<Operation>;
}

const SUCCESS: PlayedEnd = {};
/** The end of an operation that failed so. */
export const failing = (
  errorCode: string,
  errorMessage: string | null = `it is ${errorCode}`,
): PlayedEnd => ({
  outcome: {
    outcome: 'failure',
    errorCode,
    errorMessage: errorMessage === null ? null : toShownText(errorMessage),
  },
});

export function makePlayedRunner(store: Store): PlayedRunner {
  const commit = (mine: Operation, { outcome = {}, effects = {} }: PlayedEnd) =>
    commitOutcome(store.db, mine, {
      outcome: {
        outcome: 'success',
        errorCode: null,
        errorMessage: null,
        containerId: null,
        imageRef: null,
        ...outcome,
      },
      effects,
      messages: [],
    });
  const runner: PlayedRunner = {
    end: null,
    async wake(games) {
      for (const { gameId } of games) {
        if (!runner.end) return;
        const mine = await store.claim(gameId);
        await commit(mine, await runner.end(mine));
      }
    },
    async run(gameId, end = SUCCESS) {
      const mine = await store.claim(gameId);
      await commit(mine, end);
      return mine;
    },
  };
  return runner;
}

/** A success after which the game has the record that such an operation leaves. */
export async function succeeding(store: Store, { gameId, opKind }: Operation): Promise<PlayedEnd> {
  const before = await getRecord(store.db, gameId);
  const running = makeRecord({ gameId });
  if (opKind === 'stop' && before) return { effects: { record: recordStop(before, Date.now()) } };
  return { effects: { record: { expected: before, next: running } } };
}
