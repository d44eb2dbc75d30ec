import { Client } from 'pg';
import { shortId } from '../session.ts';
import { SetUpError, step } from '../steps.ts';
import { fetchPostgres } from './postgres-package.ts';
import { startPostgres } from './start-postgres.ts';

/** A PostgreSQL for a run, and what has to be undone in the end. */
export interface ProvidedPostgres {
  readonly dsn: string;
  release(): Promise<void>;
}

/**
 * A private PostgreSQL with its files under `dir`, or the one that RTMANAGER_POSTGRES_PRIMARY_DSN names; in that
 * one, a run that cleans up after itself works in a database of its own.
 */
export async function providePostgres(
  dir: string,
  { ownDatabase }: { ownDatabase: boolean },
): Promise<ProvidedPostgres> {
  const given = process.env.RTMANAGER_POSTGRES_PRIMARY_DSN;
  return step('PostgreSQL', async () => {
    if (given) {
      const value = ownDatabase
        ? await makeOwnDatabase(given)
        : { dsn: given, release: async () => undefined };
      return { value, name: `PostgreSQL at ${hostOf(given)}`, how: 'given' };
    }
    const { tree, version, how } = await fetchPostgres();
    const { dsn, stop } = await startPostgres(tree, dir);
    const name = `PostgreSQL ${version} on port ${new URL(dsn).port}`;
    return {
      value: { dsn, release: stop },
      name,
      how: how === 'fetched' ? 'fetched and started' : 'started',
    };
  });
}

async function makeOwnDatabase(given: string): Promise<ProvidedPostgres> {
  const name = `rtm_demo_${shortId()}`;
  await administer(given, `CREATE DATABASE ${name}`);
  const dsn = new URL(given);
  dsn.pathname = `/${name}`;
  return {
    dsn: dsn.toString(),
    release: () => administer(given, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`),
  };
}

async function administer(dsn: string, statement: string): Promise<void> {
  const client = new Client({ connectionString: dsn });
  try {
    await client.connect();
    await client.query(statement);
  } catch (error) {
    throw new SetUpError(
      `PostgreSQL at ${hostOf(dsn)}: ${error instanceof Error ? error.message : String(error)}`,
    );
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** The address in a DSN without the password that is in it, too. */
function hostOf(dsn: string): string {
  return URL.canParse(dsn) ? new URL(dsn).host : 'the address given';
}
