import { expect } from 'chai';
import pg from 'pg';
import { mayPass } from '../../sql/map-error.ts';
import { assertOwnSessions, SharedSessionError } from '../../sql/own-sessions.ts';
import { prepareDatabase } from '../../sql/prepare-database.ts';
import { makeDatabase, type TestDatabase } from '../helpers/database.ts';
import { rejectionOf } from '../helpers/failure-of.ts';
import { makeMemoryLogger } from '../helpers/memory-logger.ts';
import { startPgbouncer } from '../helpers/pgbouncer.ts';
import { makeRows } from '../helpers/rows.ts';

describe('the sessions of PostgreSQL', () => {
  let database: TestDatabase;
  before(async function () {
    // The first suite of a run waits for PostgreSQL's container.
    this.timeout(60_000);
    database = await makeDatabase();
  });
  after(() => database?.drop());

  it('are those of their connections, without a pooler', async () => {
    await assertOwnSessions(database.dsn);
  });

  it('are those of their connections, behind a pooler with pool_mode = session', async () => {
    await using pooler = await startPgbouncer(database.dsn, { pool_mode: 'session' });
    await assertOwnSessions(pooler.dsn);
  });

  it('are more than a pooler gives: that may pass, when others leave it', async () => {
    await using pooler = await startPgbouncer(database.dsn, {
      pool_mode: 'session',
      max_db_connections: 2,
      query_wait_timeout: 1,
    });
    const refused = await rejectionOf(assertOwnSessions(pooler.dsn));
    expect(refused).not.to.be.instanceOf(SharedSessionError);
    expect(mayPass(refused)).to.equal(true);
  });

  for (const settings of [
    { pool_mode: 'transaction' },
    { pool_mode: 'transaction', max_db_connections: 1 },
    { pool_mode: 'transaction', server_round_robin: 1 },
    { pool_mode: 'statement' },
    { pool_mode: 'statement', server_round_robin: 1 },
  ]) {
    for (const idle of [0, 1, 2, 3, 4]) {
      if ('max_db_connections' in settings && idle > 1) continue;
      const words = Object.entries(settings).map((pair) => pair.join(' = '));
      it(`are shared with ${words.join(', ')} and ${idle} idle servers: refused`, async () => {
        await using pooler = await startPgbouncer(database.dsn, settings);
        await leaveIdle(pooler.dsn, idle);
        expect(await rejectionOf(assertOwnSessions(pooler.dsn))).to.be.instanceOf(SharedSessionError);
      });
    }
  }

  /** Lets the pooler have so many servers that nobody uses. */
  async function leaveIdle(dsn: string, count: number): Promise<void> {
    const clients = Array.from({ length: count }, () => new pg.Client({ connectionString: dsn }));
    await Promise.all(clients.map((client) => client.connect()));
    // Together, so that each needs a server of its own.
    await Promise.all(clients.map((client) => client.query('select pg_sleep(0.2)')));
    await Promise.all(clients.map((client) => client.end()));
  }

  it('are shared while others use them, too: refused every time', async () => {
    await using pooler = await startPgbouncer(database.dsn, { pool_mode: 'transaction' });
    const others = Array.from({ length: 6 }, () => new pg.Client({ connectionString: pooler.dsn }));
    await Promise.all(others.map((client) => client.connect()));
    let isOver = false;
    const busy = others.map(async (client) => {
      while (!isOver) await client.query('select 1');
    });
    try {
      for (let round = 1; round <= 20; round += 1)
        expect(await rejectionOf(assertOwnSessions(pooler.dsn))).to.be.instanceOf(SharedSessionError);
    } finally {
      isOver = true;
      await Promise.all(busy);
      await Promise.all(others.map((client) => client.end()));
    }
  });

  it('are left as they were, and the database too, when the start is refused', async () => {
    await using pooler = await startPgbouncer(database.dsn, {
      pool_mode: 'transaction',
      max_db_connections: 1,
    });
    const log = makeMemoryLogger();
    const refused = await rejectionOf(prepareDatabase(pooler.dsn, log));
    expect(refused.message).to.include('pool_mode = session');
    const rows = await makeRows({ dsn: pooler.dsn });
    try {
      expect(await rows.query(`select from pg_namespace where nspname = 'rtmanager'`)).to.deep.equal([]);
      // The one session that there is.
      const [setting] = await rows.query(`select current_setting('search_path') as path`);
      expect(setting).to.deep.equal({ path: '"$user", public' });
    } finally {
      await rows.close();
    }
    expect(log.lines, 'nothing waits for it').to.deep.equal([]);
  });
});
