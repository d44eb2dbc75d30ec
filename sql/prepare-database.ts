import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { Logger } from '../lib/logger.ts';
import { mayPass, wasRolledBack } from './map-error.ts';
import { migrate } from './migrate.ts';

/** A PostgreSQL that starts beside us gets this long to answer, and older replicas to let a migration through. */
const WAIT_MS = 30_000;
const RETRY_MS = 500;

/**
 * Waits for PostgreSQL and brings its schema up to date; returns the migrations applied now. A migration of tables that
 * older replicas work with may meet a deadlock; PostgreSQL takes it back whole, and it is tried again.
 */
export async function prepareDatabase(dsn: string, log: Logger): Promise<string[]> {
  await again(() => connectOnce(dsn), { while: mayPass, say: 'PostgreSQL does not answer yet', log });
  return again(() => migrate(dsn), { while: wasRolledBack, say: 'a migration met a deadlock', log });
}

interface Patience {
  readonly while: (error: unknown) => boolean;
  /** Once. */
  readonly say: string;
  readonly log: Logger;
}

async function again<T>(work: () => Promise<T>, patience: Patience): Promise<T> {
  const deadlineMs = performance.now() + WAIT_MS;
  for (let told = false; ; told = true) {
    try {
      return await work();
    } catch (error) {
      if (!patience.while(error) || performance.now() > deadlineMs) throw error;
      if (!told) patience.log.warn(patience.say, { error });
      await sleep(RETRY_MS);
    }
  }
}

async function connectOnce(dsn: string): Promise<void> {
  const client = new pg.Client({ connectionString: dsn, connectionTimeoutMillis: 5_000 });
  try {
    await client.connect();
  } finally {
    await client.end();
  }
}
