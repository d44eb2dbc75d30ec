import { comparePlaces, type FeedEvent, type FeedPlace } from '../lib/event-feed.ts';

/** The end of the feed, as it was read for all who listen. */
export interface RecentEvents {
  /** Every event behind this place, up to `end`, is kept; undefined while nothing is. */
  readonly start: FeedPlace | undefined;
  readonly end: FeedPlace | undefined;
  /** What is kept behind a place; undefined when that lies in front of `start`. */
  behind(place: FeedPlace): readonly FeedEvent[] | undefined;
  /** Takes the stretch from `after`, which is where the last one ended, to `end`. */
  add(after: FeedPlace, events: readonly FeedEvent[], end: FeedPlace): void;
  forget(): void;
  /** Grows whenever there is something new to be looked at. */
  readonly version: number;
  /** Resolves when the version is another one, or with the signal. */
  changedSince(version: number, signal: AbortSignal): Promise<void>;
  /** How many wait for that. */
  readonly waiting: number;
}

/** A burst of 300 operations: who falls further behind reads the table. */
const KEPT = 1_000;

/** A bounded memory of what was told last, shared by all who listen. */
export function makeRecentEvents(kept = KEPT): RecentEvents {
  let events: FeedEvent[] = [];
  let start: FeedPlace | undefined;
  let end: FeedPlace | undefined;
  let version = 0;
  // Not one promise for all: whoever waits for it or for his signal would leave something behind at each time.
  const waiters = new Set<() => void>();

  return {
    get start() {
      return start;
    },
    get end() {
      return end;
    },
    behind(place) {
      if (start === undefined || comparePlaces(place, start) < 0) return undefined;
      const seen = events.findLastIndex((event) => comparePlaces(event.place, place) <= 0);
      return events.slice(seen + 1);
    },
    add(after, added, to) {
      const isNews = start === undefined || added.length > 0;
      start ??= after;
      end = to;
      events.push(...added);
      const dropped = events.splice(0, Math.max(0, events.length - kept)).at(-1);
      if (dropped) start = dropped.place;
      if (!isNews) return;
      version += 1;
      for (const wake of waiters) wake();
    },
    forget() {
      events = [];
      start = undefined;
      end = undefined;
    },
    get version() {
      return version;
    },
    async changedSince(seen, signal) {
      if (version !== seen || signal.aborted) return;
      const { promise, resolve } = Promise.withResolvers<void>();
      const wake = (): void => resolve();
      waiters.add(wake);
      signal.addEventListener('abort', wake);
      await promise;
      waiters.delete(wake);
      signal.removeEventListener('abort', wake);
    },
    get waiting() {
      return waiters.size;
    },
  };
}
