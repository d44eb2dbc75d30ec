import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import { type CommonQueryMethods, SchemaValidationError, sql } from 'slonik';
import { z } from 'zod';
import { claimHead } from '../../sql/claims.ts';
import { mayPass } from '../../sql/map-error.ts';
import { getOperation } from '../../sql/operation-log.ts';
import { makePool } from '../../sql/pool.ts';
import { getRecord } from '../../sql/runtime-records.ts';
import { rejectionOf } from '../helpers/failure-of.ts';
import { makeStore, type Store } from '../helpers/store.ts';

describe('the pool', () => {
  let store: Store;

  before(async () => {
    store = await makeStore();
  });
  after(() => store.destroy());

  const one = z.strictObject({ value: z.number() });

  for (const onlyByKey of [true, false]) {
    it(`reads no table as a whole that was small when it was asked first${onlyByKey ? ', also where it keeps its plans' : ''}`, async () => {
      const grow = (from: number, to: number) =>
        store.rows(`
          insert into rtmanager.operation_log (game_id, seq, op_kind, op_source, correlation_id, requested_at)
          select 'g' || n, n, 'start', 'gm_rest', gen_random_uuid(), now() from generate_series(${from}, ${to}) as n`);
      const pool = await makePool({ dsn: store.dsn, max: 1, name: 'plans', onlyByKey });
      const claim = (db: CommonQueryMethods, gameId: string) => claimHead(db, { gameId, leaseMs: 60_000 });
      try {
        await grow(1, 20);
        await store.rows('vacuum (full, analyze) rtmanager.operation_log');
        // More often than it takes PostgreSQL to think of keeping a plan.
        for (let nth = 1; nth <= 10; nth += 1) await claim(pool, `g${nth}`);
        await grow(21, 20_000);
        // What this session has read and not yet reported.
        const rowsRead = (db: CommonQueryMethods) =>
          db.oneFirst(sql.type(z.strictObject({ rows: z.bigint() }))`
            select seq_tup_read as rows from pg_stat_xact_all_tables
            where schemaname = 'rtmanager' and relname = 'operation_log'`);
        const rows = await pool.transaction(async (transaction) => {
          const before = await rowsRead(transaction);
          await claim(transaction, 'g15000');
          return (await rowsRead(transaction)) - before;
        });
        expect(rows).to.equal(0n);
      } finally {
        await pool.end();
        await store.clear();
      }
    });
  }

  it('keeps the options of the address', async () => {
    const dsn = `${store.dsn}?options=${encodeURIComponent('-c work_mem=1234kB')}`;
    const pool = await makePool({ dsn, max: 1, name: 'options' });
    try {
      const row = await pool.one(sql.type(z.strictObject({ memory: z.string() }))`
        select current_setting('work_mem') as memory`);
      expect(row.memory).to.equal('1234kB');
    } finally {
      await pool.end();
    }
  });

  it('hands out rows that match their schema', async () => {
    expect(await store.db.one(sql.type(one)`select 1 as value`)).to.deep.equal({ value: 1 });
  });

  for (const [what, query] of Object.entries({
    'a column of another type': sql.type(one)`select 'x' as value`,
    'a null where none is expected': sql.type(one)`select null::int as value`,
    'a column that is missing': sql.type(one)`select 1 as other`,
    'a column that nobody expects': sql.type(one)`select 1 as value, 2 as other`,
  })) {
    it(`treats a row with ${what} as an error`, async () => {
      for (const method of ['one', 'maybeOne', 'any', 'many'] as const) {
        expect(await rejectionOf(store.db[method](query))).to.be.instanceOf(SchemaValidationError);
      }
    });
  }

  it('lets no record into the code that the code knows no word for', async () => {
    await store.rows('alter table rtmanager.runtime_records drop constraint runtime_records_status_check');
    await store.rows(`insert into rtmanager.runtime_records (game_id, status, current_image_ref, engine_endpoint,
      state_path, docker_network, created_at, last_op_at) values ('paused', 'paused', 'i', 'e', 's', 'n', now(), now())`);
    expect(await rejectionOf(getRecord(store.db, 'paused'))).to.be.instanceOf(SchemaValidationError);
  });

  it('gives times as epoch milliseconds, and sequence numbers as bigint', async () => {
    const requestedAt = 1_767_225_600_123;
    await store.queue({ requestedAt });
    const operation = await store.claim('g');
    expect(operation).to.include({ requestedAt });
    expect(operation.seq).to.be.a('bigint');
    expect(Math.abs(operation.acceptedAt - Date.now())).to.be.lessThan(60_000);
    expect(await getOperation(store.db, operation.operationId)).to.deep.equal(operation);
  });

  it('ends a transaction that says nothing any more, so that others get what it has locked', async () => {
    await store.queue({ gameId: 'silent' });
    const touch = sql.unsafe`update rtmanager.operation_log set reason = 'touched' where game_id = 'silent'`;
    const other = await makePool({ dsn: store.dsn, max: 1, name: 'test-silent', silentTransactionMs: 200 });
    try {
      const touched = Promise.withResolvers<void>();
      const waited = Promise.withResolvers<void>();
      const ending = rejectionOf(
        other.transaction(async (transaction) => {
          await transaction.query(touch);
          touched.resolve();
          await waited.promise;
          await transaction.query(touch);
        }),
      );
      await touched.promise;
      const waiting = store.db.query(touch);
      waiting.then(() => waited.resolve(), waited.reject);
      expect((await waiting).rowCount).to.equal(1);
      expect(mayPass(await ending)).to.equal(true);
    } finally {
      await other.end();
    }
  });

  it('ends a query that never ends, and serves on', async () => {
    const failure = await rejectionOf(
      store.db.transaction(async (transaction) => {
        await transaction.query(sql.unsafe`set local statement_timeout = 50`);
        await transaction.query(sql.unsafe`select pg_sleep(60)`);
      }),
    );
    expect(failure).to.be.an('error');
    expect(await store.db.one(sql.type(one)`select 2 as value`)).to.deep.equal({ value: 2 });
  });

  it('replaces a connection that was terminated', async () => {
    await store.rows(
      "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'test' and pid <> pg_backend_pid()",
    );
    const answers = await Promise.allSettled(
      Array.from({ length: 12 }, () => store.db.one(sql.type(one)`select 3 as value`)),
    );
    expect(answers.some((answer) => answer.status === 'fulfilled')).to.equal(true);
    expect(await store.db.one(sql.type(one)`select 3 as value`)).to.deep.equal({ value: 3 });
  });

  it('answers every query, well or as one that may be tried again, while all its sessions are ended at once', async () => {
    const pool = await makePool({ dsn: store.dsn, max: 4, name: 'ended' });
    let isOver = false;
    const ending = (async () => {
      while (!isOver) {
        await store.rows(
          `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'ended'`,
        );
        // Long enough for connections to come up in between.
        await delay(40);
      }
    })();
    try {
      for (let round = 0; round < 6; round += 1) {
        const answers = await Promise.allSettled(
          Array.from({ length: 20 }, () => pool.query(sql.unsafe`select pg_sleep(0.002)`)),
        );
        const failures = answers.flatMap((one) => (one.status === 'rejected' ? [one.reason] : []));
        expect(failures.filter((error) => !mayPass(error))).to.deep.equal([]);
      }
    } finally {
      isOver = true;
      await ending;
      await pool.end();
    }
  });
});
