import { fileURLToPath } from 'node:url';
import { runner } from 'node-pg-migrate';
import pg from 'pg';

const MIGRATIONS_DIR = fileURLToPath(new URL('./migrations', import.meta.url));

/**
 * Brings the schema up to date and returns the names of the migrations applied now. Replicas that start
 * together wait for each other on an advisory lock; all pending migrations are one transaction, so a
 * failed one leaves the schema as it was. Rejects with the database's own error.
 */
export async function migrate(dsn: string): Promise<string[]> {
  const client = new pg.Client({ connectionString: dsn, application_name: 'rtmanager-migrate' });
  await client.connect();
  try {
    const applied = await runner({
      dbClient: client,
      dir: MIGRATIONS_DIR,
      direction: 'up',
      schema: 'rtmanager',
      createSchema: true,
      migrationsTable: 'migrations',
      checkOrder: true,
      advisoryLockMode: 'wait',
      log: () => {},
    });
    return applied.map((migration) => migration.name);
  } finally {
    await client.end();
  }
}
