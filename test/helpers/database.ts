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

/** Settings that sessions of a database begin with. */
export interface SessionDefaults {
  readonly ofDatabase: Readonly<Record<string, string>>;
  /** Of the user that the tests sign in as, in this database; they go before those of the database. */
  readonly ofRole: Readonly<Record<string, string>>;
}

/** Creates a database of a suite's own. */
export async function makeDatabase(defaults?: SessionDefaults): Promise<TestDatabase> {
  const name = `rtm_test_${shortId()}`;
  await administer(`CREATE DATABASE ${name}`);
  for (const [setting, value] of Object.entries(defaults?.ofDatabase ?? {}))
    await administer(`ALTER DATABASE ${name} SET ${setting} = ${value}`);
  for (const [setting, value] of Object.entries(defaults?.ofRole ?? {}))
    await administer(`ALTER ROLE CURRENT_USER IN DATABASE ${name} SET ${setting} = ${value}`);
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
