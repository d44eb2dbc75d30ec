import type { DatabasePool } from 'slonik';
import type { Logger } from '../lib/logger.ts';
import { pruneFeed } from '../sql/event-feed.ts';
import { findRunnable } from '../sql/operation-log.ts';
import type { Dispatcher } from './dispatch.ts';
import type { Outbox } from './outbox.ts';

/** Work that waits for less than this is not lost but on its way. */
const GRACE_MS = 2_000;
/** Games a sweep wakes at most; the oldest first, so the next sweep gets to the rest. */
const WAKE_LIMIT = 1_000;
/**
 * Events are told again to clients that come back within this. Shorter than the outbox keeps what was published
 * (queues/outbox.ts): health events are read from there.
 */
const FEED_MS = 30 * 60 * 1_000;
const FEED_BATCH = 500;

interface RepairDeps {
  db: DatabasePool;
  dispatcher: Dispatcher;
  outbox: Outbox;
  log: Logger;
}

/**
 * One sweep: games with work and no live job get one, operations whose lease ran out are dispatched again, and
 * messages that were left lying leave. It looks only at what is, so it needs no memory of what went wrong. Each part
 * is tried even when another one fails; the first failure is rethrown.
 */
export async function repair({ db, dispatcher, outbox, log }: RepairDeps): Promise<void> {
  const results = await Promise.allSettled([
    (async () => {
      const games = await findRunnable(db, { graceMs: GRACE_MS, limit: WAKE_LIMIT });
      if (games.length > 0) await dispatcher.revive(games);
    })(),
    (async () => {
      const restored = await outbox.restoreLost();
      if (restored > 0) log.warn('Redis lost messages, they are published again', { count: restored });
    })(),
    outbox.publishAll(),
    outbox.prune(),
    (async () => {
      while ((await pruneFeed(db, { ageMs: FEED_MS, limit: FEED_BATCH })) === FEED_BATCH);
    })(),
  ]);
  for (const result of results) if (result.status === 'rejected') throw result.reason;
}
