import { Client } from 'pg';
import { shortId } from '../../dev/session.ts';
import { migrate } from '../../sql/migrate.ts';
import { beforeServicesStop, postgres } from './services.ts';

/** A fresh, empty database. */
export interface TestDatabase {
  /** As RTMANAGER_POSTGRES_PRIMARY_DSN takes it. */
  readonly dsn: string;
  /** Drops it, whoever is still connected. */
  drop(): Promise<void>;
}

/** Creates a database of a suite's own. */
export const makeDatabase = (): Promise<TestDatabase> => create('template1');

let migrated: Promise<string> | undefined;

/** The same, with the schema in it: copied from one that is migrated once a run, in half the time. */
export async function makeMigratedDatabase(): Promise<TestDatabase> {
  migrated ??= makeTemplate();
  const database = await create(await migrated);
  const client = new Client({ connectionString: database.dsn });
  await client.connect();
  try {
    // The one thing that no two databases have in common.
    await client.query(
      'update rtmanager.deployment set deployment_id = substr(md5(gen_random_uuid()::text), 1, 12)',
    );
  } finally {
    await client.end();
  }
  return database;
}

async function makeTemplate(): Promise<string> {
  const template = await makeDatabase();
  beforeServicesStop(template.drop);
  await migrate(template.dsn);
  return new URL(template.dsn).pathname.slice(1);
}

async function create(template: string): Promise<TestDatabase> {
  const name = `rtm_test_${shortId()}`;
  await administer(`CREATE DATABASE ${name} TEMPLATE ${template}`);
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
