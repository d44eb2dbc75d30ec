import { Client } from 'pg';
import { shortId } from '../../dev/session.ts';
import { postgres } from './services.ts';

/** A fresh, empty database. */
export interface TestDatabase {
  /** As RTMANAGER_POSTGRES_PRIMARY_DSN takes it. */
  readonly dsn: string;
  /** Drops it, whoever is still connected. */
  drop(): Promise<void>;
}

/** Creates a database of a suite's own. */
export async function makeDatabase(): Promise<TestDatabase> {
  const name = `rtm_test_${shortId()}`;
  await administer(`CREATE DATABASE ${name}`);
  const dsn = new URL(await postgres());
  dsn.pathname = `/${name}`;
  return { dsn: dsn.toString(), drop: () => administer(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`) };
}

async function administer(statement: string): Promise<void> {
  const client = new Client({ connectionString: await postgres() });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
