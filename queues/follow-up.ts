import { setImmediate } from 'node:timers/promises';
import type { DatabasePool } from 'slonik';
import { makeBatcher } from '../lib/batcher.ts';
import type { Logger } from '../lib/logger.ts';
import { findHeads } from '../sql/operation-log.ts';
import type { Dispatcher } from './dispatch.ts';
import type { Outbox } from './outbox.ts';
import { within } from './within.ts';

/** What a run leaves to do; never rejects, for what fails is left to repair. */
export type FollowUp = (gameId: string) => Promise<void>;

/** Far more than a batch ever needs. One that takes longer waits for a server, or a lock, that is not to be waited for. */
const BATCH_MS = 5_000;

interface FollowUpDeps {
  db: DatabasePool;
  outbox: Outbox;
  dispatcher: Dispatcher;
  log: Logger;
  /** How long the games behind a batch wait for it. */
  batchMs?: number;
}

/**
 * After a run the messages of its game leave, and the game's next operation gets a job, each whatever becomes of the
 * other. Games whose runs end while that is under way for others go together with the next batch, so that a storm of
 * operations costs few transactions (docs/decisions/0014-what-an-operation-costs.md).
 */
export function makeFollowUp({ db, outbox, dispatcher, log, batchMs = BATCH_MS }: FollowUpDeps): FollowUp {
  const publish = together((gameIds) => outbox.publish(gameIds), batchMs);
  const wakeNext = together(async (gameIds) => {
    const heads = await findHeads(db, gameIds);
    if (heads.length > 0) await dispatcher.wake(heads);
  }, batchMs);
  return async (gameId) => {
    const published = publish(gameId);
    // Somebody waits for the answer; the next operation can wait until its transaction is on its way.
    const woken = setImmediate().then(() => wakeNext(gameId));
    for (const part of await Promise.allSettled([published, woken])) {
      if (part.status === 'fulfilled') continue;
      log.warn('follow-up is left to repair', { game_id: gameId, error: part.reason });
    }
  };
}

/**
 * Does for many games at once what each asks for; one batch at a time. One that is late goes on by itself, and is no
 * longer waited for: no game is held up for longer by what another one waits for.
 */
function together(
  work: (gameIds: readonly string[]) => Promise<void>,
  batchMs: number,
): (gameId: string) => Promise<unknown> {
  return makeBatcher<string, never>({
    parallel: 1,
    findMany: async (gameIds) => {
      if (!(await within(work(gameIds), batchMs))) throw new Error(`it takes longer than ${batchMs} ms`);
      return new Map<string, never>();
    },
  });
}
