import { comparePlaces, type EventFeed, type FeedPlace, type FeedPortion } from '../lib/event-feed.ts';
import type { Logger } from '../lib/logger.ts';
import { pause } from '../lib/pause.ts';
import { makeSemaphore } from '../lib/semaphore.ts';
import { findFeedBounds, readFeed } from '../sql/event-feed.ts';
import { mayPass } from '../sql/map-error.ts';
import type { Db } from '../sql/pool.ts';
import { makeRecentEvents } from './recent-events.ts';

interface FeedDeps {
  readonly db: Db;
  readonly log: Logger;
}

/** What is told is heard this late at most, and another few milliseconds for the question. */
const POLL_MS = 50;
/** Events of one question, and of one portion: as many as may wait for each client that reads slowly. */
const PORTION = 200;
/** PostgreSQL is away: how long until it is asked again. */
const RETRY_MS = 1_000;
const NOWHERE: FeedPlace = { xid: 0n, feedId: 0n };

/**
 * One question in 50 ms for all who listen in this replica, and none while nobody does. What it finds is kept for a
 * while (queues/recent-events.ts), and everybody takes it from there at his own pace. Who is further behind, because he
 * comes back or reads slowly, reads the table by himself until he has caught up.
 */
export function makeEventFeed({ db, log }: FeedDeps): EventFeed {
  const recent = makeRecentEvents();
  /** Those who catch up take turns: however many come back at once, they hold one connection. */
  const turns = makeSemaphore(1);
  let listeners = 0;
  let isPolling = false;
  /** Aborts when nobody listens any more. */
  let alone = new AbortController();

  async function poll(): Promise<void> {
    isPolling = true;
    // What was kept ends where nobody listened; who is that far behind reads the table.
    recent.forget();
    for (let isAway = false; listeners > 0; ) {
      try {
        const after = recent.end ?? (await findFeedBounds(db, NOWHERE)).now;
        const { events, end, isFull } = await readFeed(db, { after, limit: PORTION });
        recent.add(after, events, end);
        isAway = false;
        if (!isFull) await pause(POLL_MS, alone.signal);
      } catch (error) {
        // By the time that it is back, more may have been forgotten: whoever listens finds out in the table.
        recent.forget();
        if (!isAway) log.warn('events can not be read, they are told later', { error });
        isAway = true;
        await pause(RETRY_MS, alone.signal);
      }
    }
    isPolling = false;
  }

  async function begin(lastSeen: FeedPlace | undefined): Promise<FeedPortion> {
    const { now, first, isAhead } = await findFeedBounds(db, lastSeen ?? NOWHERE);
    if (lastSeen === undefined) return { events: [], place: now };
    if (isAhead) return { gap: 'unknown', place: now };
    if (comparePlaces(lastSeen, first) < 0) return { gap: 'forgotten', place: first };
    return { events: [], place: lastSeen };
  }

  /** What stands in the table behind a place that lies in front of what is kept; null for nothing yet. */
  async function catchUp(place: FeedPlace): Promise<FeedPortion | null> {
    const { start } = recent;
    const { events, end, isFull } = await readFeed(db, { after: place, limit: PORTION });
    // After the reading: what was forgotten during it is then noticed.
    const { first } = await findFeedBounds(db, place);
    if (comparePlaces(place, first) < 0) return { gap: 'forgotten', place: first };
    // Read to its end, the table reaches at least to where the recent events began before.
    if (!isFull && start && comparePlaces(end, start) < 0) return { events, place: start };
    return events.length > 0 || isFull ? { events, place: end } : null;
  }

  async function next(place: FeedPlace, signal: AbortSignal): Promise<FeedPortion> {
    for (;;) {
      const { version } = recent;
      const kept = recent.behind(place)?.slice(0, PORTION);
      const last = kept?.at(-1);
      if (kept && last) return { events: kept, place: last.place };
      const found = kept ? null : await patiently(() => turns.run(() => catchUp(place), signal), signal);
      if (found) return found;
      await recent.changedSince(version, signal);
      signal.throwIfAborted();
    }
  }

  return {
    async *follow(lastSeen, signal) {
      let portion = await begin(lastSeen);
      listeners += 1;
      if (!isPolling) void poll();
      try {
        while (!signal.aborted) {
          yield portion;
          portion = await next(portion.place, signal);
        }
      } catch (error) {
        if (!signal.aborted) throw error;
      } finally {
        listeners -= 1;
        if (listeners === 0) {
          alone.abort();
          alone = new AbortController();
        }
      }
    },
  };
}

/** Asks again while PostgreSQL is away. */
async function patiently<T>(ask: () => Promise<T>, signal: AbortSignal): Promise<T> {
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (!mayPass(error) || signal.aborted) throw error;
    }
    await pause(RETRY_MS, signal);
    signal.throwIfAborted();
  }
}
