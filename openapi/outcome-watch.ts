import type { DatabasePool } from 'slonik';
import type { Logger } from '../lib/logger.ts';
import type { Operation } from '../lib/operation.ts';
import { findFinished } from '../sql/operation-log.ts';
import { inTime, isStoreAway } from './in-time.ts';

/** Waits for the ends of operations, whichever replica runs them. */
export interface OutcomeWatch {
  /**
   * The operation when it has ended; null when `signal` aborted or the watch was closed before that. PostgreSQL being
   * away only makes it longer; rejects when the question itself fails.
   */
  wait(operationId: string, signal: AbortSignal): Promise<Operation | null>;
  /** Looks at once: an operation has probably ended. */
  nudge(): void;
  /** Ends all waiting, also of those who come later. */
  close(): void;
}

interface WatchDeps {
  readonly db: DatabasePool;
  readonly log: Logger;
}

interface Waiter {
  readonly operationId: string;
  readonly resolve: (ended: Operation | null) => void;
  readonly reject: (error: unknown) => void;
}

/** What ends in another replica is noticed this late; what ends here, at once. */
const LOOK_INTERVAL_MS = 50;

/** One question in 50 ms for all who wait in this replica, and none while nobody does. */
export function makeOutcomeWatch({ db, log }: WatchDeps): OutcomeWatch {
  const waiters = new Set<Waiter>();
  let closed = false;
  let watching = false;
  let away = false;
  let wakeUp = Promise.withResolvers<void>();

  async function watch(): Promise<void> {
    watching = true;
    while (waiters.size > 0) {
      await pause(wakeUp.promise);
      // Renewed before the look, so that what is nudged during it is looked at again.
      wakeUp = Promise.withResolvers<void>();
      await look();
    }
    watching = false;
  }

  async function look(): Promise<void> {
    const asked = [...waiters];
    if (asked.length === 0) return;
    try {
      const ids = new Set(asked.map((waiter) => waiter.operationId));
      const found = await inTime(findFinished(db, [...ids]));
      const ended = new Map(found.map((operation) => [operation.operationId, operation]));
      for (const { operationId, resolve } of asked) {
        const operation = ended.get(operationId);
        if (operation) resolve(operation);
      }
      away = false;
    } catch (error) {
      if (!isStoreAway(error)) for (const waiter of asked) waiter.reject(error);
      else if (!away) log.warn('PostgreSQL is away, requests wait on', { error, waiting: asked.length });
      away = true;
    }
  }

  return {
    async wait(operationId, signal) {
      if (closed || signal.aborted) return null;
      const { promise, resolve, reject } = Promise.withResolvers<Operation | null>();
      const waiter = { operationId, resolve, reject };
      const giveUp = () => resolve(null);
      signal.addEventListener('abort', giveUp, { once: true });
      waiters.add(waiter);
      if (!watching) void watch();
      try {
        return await promise;
      } finally {
        waiters.delete(waiter);
        signal.removeEventListener('abort', giveUp);
      }
    },
    nudge: () => wakeUp.resolve(),
    close() {
      closed = true;
      for (const { resolve } of waiters) resolve(null);
      wakeUp.resolve();
    },
  };
}

async function pause(earlier: Promise<void>): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, LOOK_INTERVAL_MS);
  await Promise.race([promise, earlier]);
  clearTimeout(timer);
}
