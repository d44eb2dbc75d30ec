import { readdirSync } from 'node:fs';
import { expect } from 'chai';
import pg from 'pg';
import { migrate } from '../../sql/migrate.ts';
import { makeDatabase, type TestDatabase } from '../helpers/database.ts';

const MIGRATIONS = readdirSync(new URL('../../sql/migrations/', import.meta.url))
  .map((file) => file.replace('.sql', ''))
  .toSorted();

describe('migrate', () => {
  let database: TestDatabase;
  let client: pg.Client;

  beforeEach(async () => {
    database = await makeDatabase();
    client = new pg.Client({ connectionString: database.dsn });
    await client.connect();
  });
  afterEach(async () => {
    await client.end();
    await database.drop();
  });

  const tables = async (): Promise<string[]> => {
    const { rows } = await client.query<{ name: string }>(
      "select table_name as name from information_schema.tables where table_schema = 'rtmanager' order by 1",
    );
    return rows.map((row) => row.name);
  };

  for (const round of [1, 2, 3]) {
    it(`is applied once when three replicas start together (round ${round})`, async () => {
      const applied = await Promise.all([1, 2, 3].map(() => migrate(database.dsn)));
      expect(applied.flat()).to.deep.equal(MIGRATIONS);
      expect(await tables()).to.include.members(['runtime_records', 'operation_log', 'outbox', 'deployment']);
    });
  }

  it('applies nothing at the second start, and leaves the data alone', async () => {
    await migrate(database.dsn);
    const { rows: before } = await client.query('select deployment_id from rtmanager.deployment');
    expect(await migrate(database.dsn)).to.deep.equal([]);
    const { rows: after } = await client.query('select deployment_id from rtmanager.deployment');
    expect(after).to.deep.equal(before);
  });

  it('leaves the schema as it was when a migration fails, and applies it whole once the cause is gone', async () => {
    // The migration gets as far as its last tables before it meets this one.
    await client.query('create schema rtmanager; create table rtmanager.stream_cursors (in_the_way int)');
    const failure = await migrate(database.dsn).catch((error: unknown) => error);
    expect(failure).to.be.an('error').with.property('code', '42P07');
    expect((await tables()).filter((name) => name !== 'migrations')).to.deep.equal(['stream_cursors']);

    await client.query('drop table rtmanager.stream_cursors');
    expect(await migrate(database.dsn)).to.deep.equal(MIGRATIONS);
  });

  it('gives every deployment an id of its own', async () => {
    const other = await makeDatabase();
    try {
      const ids = await Promise.all(
        [database, other].map(async ({ dsn }) => {
          await migrate(dsn);
          const own = new pg.Client({ connectionString: dsn });
          await own.connect();
          const { rows } = await own.query('select deployment_id from rtmanager.deployment');
          await own.end();
          return rows[0].deployment_id as string;
        }),
      );
      expect(new Set(ids).size).to.equal(2);
      for (const id of ids) expect(id).to.match(/^[0-9a-f]{12}$/);
    } finally {
      await other.drop();
    }
  });
});
