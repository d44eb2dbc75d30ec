import { fileURLToPath } from 'node:url';
import { runner } from 'node-pg-migrate';
import { withConnection } from './connection.ts';

const MIGRATIONS_DIR = fileURLToPath(new URL('./migrations', import.meta.url));

/**
 * Whoever waits for a table keeps all others waiting behind him: the older replicas, while a backup reads. Leases are
 * renewed often enough to outlive it.
 */
const LOCK_TIMEOUT = '1s';
/** What node-pg-migrate takes by default, so what every version takes. */
const MIGRATION_LOCK = 7241865325823964;

/**
 * Brings the schema up to date and returns the names of the migrations applied now. Replicas that start
 * together wait for each other on an advisory lock; all pending migrations are one transaction, so a
 * failed one leaves the schema as it was. Rejects with the database's own error, also when others keep a table for longer
 * than a second: then it is worth another try.
 */
export async function migrate(dsn: string): Promise<string[]> {
  return withConnection(dsn, async (client) => {
    // Not the library's own, for one that migrates is waited for however long that takes. The end of the session frees it.
    await client.query('select pg_advisory_lock($1)', [MIGRATION_LOCK]);
    await client.query(`set lock_timeout = '${LOCK_TIMEOUT}'`);
    const applied = await runner({
      dbClient: client,
      dir: MIGRATIONS_DIR,
      direction: 'up',
      schema: 'rtmanager',
      createSchema: true,
      migrationsTable: 'migrations',
      checkOrder: true,
      noLock: true,
      log: () => {},
    });
    return applied.map((migration) => migration.name);
  });
}
