import type { DatabasePool } from 'slonik';
import { makeBatcher } from '../lib/batcher.ts';
import type { Logger } from '../lib/logger.ts';
import { findHeads } from '../sql/operation-log.ts';
import type { Dispatcher } from './dispatch.ts';
import type { Outbox } from './outbox.ts';

/** What a run leaves to do; never rejects, for what fails is left to repair. */
export type FollowUp = (gameId: string) => Promise<void>;

interface FollowUpDeps {
  db: DatabasePool;
  outbox: Outbox;
  dispatcher: Dispatcher;
  log: Logger;
}

/**
 * After a run the messages of its game leave, and the game's next operation gets a job, each whatever becomes of the
 * other. Games whose runs end while that is under way for others go together with the next batch, so that a storm of
 * operations costs few transactions (docs/decisions/0014-what-an-operation-costs.md).
 */
export function makeFollowUp({ db, outbox, dispatcher, log }: FollowUpDeps): FollowUp {
  const publish = together((gameIds) => outbox.publish(gameIds));
  const wakeNext = together(async (gameIds) => {
    const heads = await findHeads(db, gameIds);
    if (heads.length > 0) await dispatcher.wake(heads);
  });
  return async (gameId) => {
    for (const part of await Promise.allSettled([publish(gameId), wakeNext(gameId)])) {
      if (part.status === 'fulfilled') continue;
      log.warn('follow-up is left to repair', { game_id: gameId, error: part.reason });
    }
  };
}

/** Does for many games at once what each asks for; one batch at a time. */
function together(work: (gameIds: readonly string[]) => Promise<void>): (gameId: string) => Promise<unknown> {
  return makeBatcher<string, never>({
    parallel: 1,
    findMany: async (gameIds) => {
      await work(gameIds);
      return new Map<string, never>();
    },
  });
}
