import { type CommonQueryMethods, sql } from 'slonik';
import { z } from 'zod';
import type { Logger } from '../lib/logger.ts';

/** The one clock that times are compared by: PostgreSQL's, carried on by this process's monotonic clock. */
export interface Clock {
  /** Epoch milliseconds, whole ones. A step of the host's clock does not move it. */
  readonly now: () => number;
  close(): void;
}

interface ClockOptions {
  readonly log: Logger;
  readonly everyMs?: number;
  /** The clock of this host, epoch milliseconds; only compared with PostgreSQL's for the log. */
  readonly hostNow?: () => number;
}

const SYNC_EVERY_MS = 5_000;
/** An answer that took longer says too little of the moment. */
const MAX_ROUND_TRIP_MS = 1_000;
/** A larger difference between two hosts is a configuration that an operator should correct. */
const MAX_DIFFERENCE_MS = 10_000;

const reading = z.strictObject({ nowMs: z.number() });

/** Reads PostgreSQL's clock now and every five seconds. Rejects when the first reading fails. */
export async function openClock(
  db: CommonQueryMethods,
  { log, everyMs = SYNC_EVERY_MS, hostNow = Date.now }: ClockOptions,
): Promise<Clock> {
  let offsetMs = 0;
  let isTold = false;

  async function sync(): Promise<void> {
    const askedMs = performance.now();
    const { nowMs } = await db.one(
      sql.type(reading)`select extract(epoch from clock_timestamp())::float8 * 1000 as "nowMs"`,
    );
    const answeredMs = performance.now();
    if (offsetMs !== 0 && answeredMs - askedMs > MAX_ROUND_TRIP_MS) return;
    offsetMs = nowMs - (askedMs + answeredMs) / 2;
    const differenceMs = Math.round(hostNow() - nowMs);
    const differs = Math.abs(differenceMs) > MAX_DIFFERENCE_MS;
    if (differs && !isTold)
      log.warn('the clock of this host differs from that of PostgreSQL, which decides', {
        difference_ms: differenceMs,
      });
    isTold = differs;
  }

  await sync();
  // Without PostgreSQL nothing is decided, and the time goes on.
  const timer = setInterval(
    () => void sync().catch((error: unknown) => log.debug('no time was read', { error })),
    everyMs,
  );
  timer.unref();
  return { now: () => Math.round(performance.now() + offsetMs), close: () => clearInterval(timer) };
}
