import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { Logger } from '../lib/logger.ts';
import { mayPass } from './map-error.ts';
import { migrate } from './migrate.ts';

/** A PostgreSQL that starts beside us gets this long to answer. */
const WAIT_MS = 30_000;
const RETRY_MS = 500;

/** Waits for PostgreSQL and brings its schema up to date; returns the migrations applied now. */
export async function prepareDatabase(dsn: string, log: Logger): Promise<string[]> {
  const deadlineMs = performance.now() + WAIT_MS;
  for (let told = false; ; told = true) {
    try {
      await connectOnce(dsn);
      break;
    } catch (error) {
      if (!mayPass(error) || performance.now() > deadlineMs) throw error;
      if (!told) log.warn('PostgreSQL does not answer yet', { error });
      await sleep(RETRY_MS);
    }
  }
  return migrate(dsn);
}

async function connectOnce(dsn: string): Promise<void> {
  const client = new pg.Client({ connectionString: dsn, connectionTimeoutMillis: 5_000 });
  try {
    await client.connect();
  } finally {
    await client.end();
  }
}
