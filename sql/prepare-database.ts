import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '../lib/logger.ts';
import { mayPass, wasRolledBack } from './map-error.ts';
import { migrate } from './migrate.ts';
import { assertOwnSessions } from './own-sessions.ts';

/** A PostgreSQL that starts beside us gets this long to answer. */
const START_MS = 30_000;
const RETRY_MS = 500;
/** Whoever uses the tables gets this long to let a migration through, a backup included. */
const MIGRATION_MS = 600_000;
/** Longer than a try keeps older replicas waiting. */
const MIGRATION_RETRY_MS = 2_000;

/**
 * Waits for PostgreSQL and brings its schema up to date; returns the migrations applied now. Rejects with
 * `SharedSessionError`, before anything is changed, behind a pooler that does not give each connection a session. A migration of tables that
 * older replicas work with, or that somebody reads, may meet a deadlock or wait for too long; PostgreSQL takes it back whole,
 * and it is tried again.
 */
export async function prepareDatabase(dsn: string, log: Logger): Promise<string[]> {
  await again(() => assertOwnSessions(dsn), {
    while: mayPass,
    say: 'PostgreSQL does not answer yet',
    log,
    untilMs: performance.now() + START_MS,
    retryMs: RETRY_MS,
  });
  return again(() => migrate(dsn), {
    while: wasRolledBack,
    say: 'others are in the way of a migration, it is tried again',
    log,
    untilMs: performance.now() + MIGRATION_MS,
    retryMs: MIGRATION_RETRY_MS,
  });
}

interface Patience {
  readonly while: (error: unknown) => boolean;
  /** Once. */
  readonly say: string;
  readonly log: Logger;
  readonly untilMs: number;
  readonly retryMs: number;
}

async function again<T>(work: () => Promise<T>, patience: Patience): Promise<T> {
  for (let told = false; ; told = true) {
    try {
      return await work();
    } catch (error) {
      if (!patience.while(error) || performance.now() > patience.untilMs) throw error;
      if (!told) patience.log.warn(patience.say, { error });
      await sleep(patience.retryMs);
    }
  }
}
