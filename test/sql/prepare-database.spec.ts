import { readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import pg from 'pg';
import { prepareDatabase } from '../../sql/prepare-database.ts';
import { makeDatabase, type TestDatabase } from '../helpers/database.ts';
import { eventually } from '../helpers/eventually.ts';
import { rejectionOf } from '../helpers/failure-of.ts';
import { makeMemoryLogger } from '../helpers/memory-logger.ts';
import { makePostgresProxy } from '../helpers/tcp-proxy.ts';

const MIGRATIONS = new URL('../../sql/migrations/', import.meta.url);
/** The first of them changes two tables that a replica at work locks, in the other order. */
const NEWER_MIGRATIONS = readdirSync(MIGRATIONS)
  .map((file) => path.basename(file, '.sql'))
  .filter((name) => name >= '0003_health_and_drift')
  .toSorted();

async function undoNewerMigrations(client: pg.Client): Promise<void> {
  for (const name of NEWER_MIGRATIONS.toReversed()) {
    const file = new URL(`${name}.sql`, MIGRATIONS);
    await client.query((await readFile(file, 'utf8')).split('-- Down Migration')[1] ?? '');
    await client.query('delete from rtmanager.migrations where name = $1', [name]);
  }
}

describe('preparing the database', () => {
  let database: TestDatabase;

  before(async () => {
    database = await makeDatabase();
  });
  after(() => database.drop());

  it('waits for a PostgreSQL that starts beside us, tells so once, and goes on when it answers', async () => {
    const proxy = await makePostgresProxy(database.dsn, { opened: false });
    try {
      const log = makeMemoryLogger();
      const prepared = prepareDatabase(proxy.dsn, log);
      await eventually(() => log.lines.length > 0, { what: 'the wait to be told' });
      await proxy.open();
      expect(await prepared).to.include('0001_init');
      expect(log.lines.map((line) => line.level)).to.deep.equal(['warn']);
    } finally {
      await proxy.close();
    }
  });

  it('tries a migration again that met a deadlock with an older replica at work', async () => {
    const other = await makeDatabase();
    const older = new pg.Client({ connectionString: other.dsn });
    try {
      await prepareDatabase(other.dsn, makeMemoryLogger());
      await older.connect();
      await undoNewerMigrations(older);
      // The migration takes the two tables in the other order. Whoever waits for a second finds the deadlock, and gives up.
      await older.query(
        `set deadlock_timeout = '20s'; begin; lock table rtmanager.operation_log in row exclusive mode`,
      );
      const log = makeMemoryLogger();
      const prepared = prepareDatabase(other.dsn, log);
      const waiting = async () =>
        (await older.query('select from pg_locks where not granted')).rowCount === 1;
      await eventually(waiting, { what: 'the migration to wait', intervalMs: 5 });
      await older.query('lock table rtmanager.runtime_records in row exclusive mode');
      await older.query('commit');
      expect(await prepared).to.deep.equal(NEWER_MIGRATIONS);
      expect(log.lines.map((line) => line.level)).to.deep.equal(['warn']);
    } finally {
      await older.end();
      await other.drop();
    }
  });

  it('lets older replicas work on while it waits for somebody who reads', async () => {
    const other = await makeDatabase();
    const [reader, older] = [0, 1].map(() => new pg.Client({ connectionString: other.dsn })) as [
      pg.Client,
      pg.Client,
    ];
    try {
      await prepareDatabase(other.dsn, makeMemoryLogger());
      for (const client of [reader, older]) await client.connect();
      await undoNewerMigrations(older);
      // As a backup does, for as long as it takes.
      await reader.query('begin; lock table rtmanager.operation_log in access share mode');
      const prepared = prepareDatabase(other.dsn, makeMemoryLogger());
      const waiting = async () =>
        (await reader.query(`select from pg_locks where not granted and locktype = 'relation'`)).rowCount ===
        1;
      await eventually(waiting, { what: 'the migration to wait', intervalMs: 5 });
      await older.query(
        `begin; set statement_timeout = '8s'; lock table rtmanager.operation_log in row exclusive mode; commit`,
      );
      await reader.query('commit');
      expect(await prepared).to.deep.equal(NEWER_MIGRATIONS);
    } finally {
      await reader.end();
      await older.end();
      await other.drop();
    }
  });

  it('does not go on with a failed migration', async () => {
    const other = await makeDatabase();
    try {
      const dsn = `${other.dsn}?options=${encodeURIComponent('-c default_transaction_read_only=on')}`;
      expect(await rejectionOf(prepareDatabase(dsn, makeMemoryLogger()))).to.have.property('code', '25006');
    } finally {
      await other.drop();
    }
  });
});
