import { expect } from 'chai';
import { sql } from 'slonik';
import { z } from 'zod';
import { shortId } from '../../dev/session.ts';
import { handlers } from '../../handlers/index.ts';
import { probeRuntimes } from '../../handlers/probe-runtimes.ts';
import { claimHead, renewLeases } from '../../sql/claims.ts';
import { migrate } from '../../sql/migrate.ts';
import { makePool } from '../../sql/pool.ts';
import { prepareDatabase } from '../../sql/prepare-database.ts';
import { pruneOperations } from '../../sql/prune-history.ts';
import { getRecord } from '../../sql/runtime-records.ts';
import { makeDatabase, type SessionDefaults } from '../helpers/database.ts';
import { eventually } from '../helpers/eventually.ts';
import { rejectionOf } from '../helpers/failure-of.ts';
import { makeFakeEngines, says } from '../helpers/fake-engines.ts';
import { type HandlerSide, makeHandlerSide, OLD_IMAGE } from '../helpers/handler-side.ts';
import { makeMemoryLogger } from '../helpers/memory-logger.ts';
import { makeRestService } from '../helpers/rest-service.ts';
import { makeStore, type Store } from '../helpers/store.ts';

/** Long enough for what RTM does at once, too short for a wait. */
const SHORT = "'150ms'";

const HOSTILE: SessionDefaults = {
  ofDatabase: {
    datestyle: "'SQL, DMY'",
    intervalstyle: "'sql_standard'",
    timezone: "'Pacific/Apia'",
    search_path: "'nowhere'",
    bytea_output: "'escape'",
    extra_float_digits: '-15',
    standard_conforming_strings: 'off',
    array_nulls: 'off',
    transform_null_equals: 'on',
    client_encoding: "'LATIN1'",
    default_transaction_isolation: "'serializable'",
    default_transaction_deferrable: 'on',
    exit_on_error: 'on',
    synchronous_commit: 'off',
    row_security: 'off',
  },
  ofRole: {
    datestyle: "'German'",
    statement_timeout: SHORT,
    lock_timeout: "'20ms'",
    idle_session_timeout: SHORT,
    idle_in_transaction_session_timeout: SHORT,
    transaction_timeout: SHORT,
  },
};

const settings = z.strictObject({ name: z.string(), setting: z.string() });

describe('a role and a database with defaults of their own', () => {
  let store: Store;
  let side: HandlerSide;

  before(async () => {
    store = await makeStore(HOSTILE);
    side = await makeHandlerSide(
      { RTMANAGER_PROBE_INTERVAL: '200ms', RTMANAGER_PROBE_FAILURES_THRESHOLD: '1' },
      store,
    );
  });
  after(() => side?.close());
  afterEach(() => store.clear());

  it('change no setting of a session that has a meaning to RTM', async () => {
    const names = [...Object.keys(HOSTILE.ofDatabase), ...Object.keys(HOSTILE.ofRole)];
    const rows = await store.db.any(sql.type(settings)`
      select distinct lower(name) as name, setting from pg_settings
      where lower(name) = any(${sql.array(names, 'text')}) order by 1`);
    expect(Object.fromEntries(rows.map(({ name, setting }) => [name, setting]))).to.deep.equal({
      array_nulls: 'on',
      bytea_output: 'hex',
      client_encoding: 'UTF8',
      datestyle: 'ISO, MDY',
      // Without effect on transactions that are not serializable.
      default_transaction_deferrable: 'on',
      default_transaction_isolation: 'read committed',
      exit_on_error: 'off',
      extra_float_digits: '1',
      idle_in_transaction_session_timeout: '10000',
      idle_session_timeout: '0',
      intervalstyle: 'postgres',
      lock_timeout: '0',
      // RTM's tables have no policies.
      row_security: 'off',
      search_path: 'pg_catalog, pg_temp',
      standard_conforming_strings: 'on',
      statement_timeout: '30000',
      synchronous_commit: 'on',
      timezone: 'UTC',
      transaction_timeout: '0',
      transform_null_equals: 'off',
    });
  });

  it('leave a synchronous_commit alone that is stricter than the usual one', async () => {
    const strict = await makeDatabase({ ofDatabase: { synchronous_commit: 'remote_apply' }, ofRole: {} });
    const db = await makePool({ dsn: strict.dsn, max: 1, name: 'strict' });
    try {
      const { setting } = await db.one(sql.type(settings)`
        select name, setting from pg_settings where name = 'synchronous_commit'`);
      expect(setting).to.equal('remote_apply');
    } finally {
      await db.end();
      await strict.drop();
    }
  });

  it('change no date of the 13th or later, nor of a day that may be a month', async () => {
    for (const day of ['02', '13', '31']) {
      const time = Date.parse(`2026-01-${day}T12:34:56.789Z`);
      await side.putGame(`g${day}`, { createdAt: time, startedAt: time, lastOpAt: time });
      expect(await getRecord(store.db, `g${day}`)).to.include({ createdAt: time, startedAt: time });
    }
    const rest = await makeRestService({ db: store.db });
    try {
      const page = (await rest.runtimes()).json as { items: { started_at: string }[] };
      expect(page.items.map((one) => one.started_at).toSorted()).to.deep.equal([
        '2026-01-02T12:34:56.789Z',
        '2026-01-13T12:34:56.789Z',
        '2026-01-31T12:34:56.789Z',
      ]);
    } finally {
      await rest.close();
    }
  });

  it('let a game start, fail its probe and stop', async () => {
    const engines = await makeFakeEngines();
    try {
      await side.queue({ imageRef: OLD_IMAGE });
      expect(await side.run('g', 'start', handlers.start)).to.include({ result: 'success' });
      const record = await getRecord(store.db, 'g');
      expect(Math.abs((record?.startedAt ?? 0) - Date.now())).to.be.lessThan(60_000);

      await store.rows('update rtmanager.runtime_records set engine_endpoint = $1', [engines.endpoint('g')]);
      await store.rows(`update rtmanager.runtime_records set started_at = now() - interval '1 hour'`);
      engines.behave(says(500));
      await probeRuntimes({ ...side.tick, dueAtMs: 200, turnMs: 200 });
      await side.queue({ opKind: 'stop', reason: 'cancelled' });
      expect(await side.run('g', 'stop', handlers.stop)).to.include({ result: 'success' });
      const events = (await store.messages()).map(({ event_type }) => event_type).filter(Boolean);
      expect(events).to.deep.equal(['container_started', 'probe_failed']);
    } finally {
      await engines.close();
    }
  });

  it('let leases run as long as they should, and history go when it is old', async () => {
    await side.queue({});
    const operation = await store.claim('g');
    expect(await renewLeases(store.db, { held: [operation], leaseMs: 60_000 })).to.have.all.keys(
      operation.operationId,
    );
    expect(await claimHead(store.db, { gameId: 'g', leaseMs: 60_000 })).to.equal(null);
    await store.expireLease('g');
    expect((await store.claim('g')).attempt).to.equal(2);

    await store.rows(`update rtmanager.operation_log set status = 'finished', outcome = 'success', lease_until = null,
      finished_at = '2026-02-03T00:00:00Z'`);
    const prune = (day: string) =>
      pruneOperations(store.db, { untilMs: Date.parse(`2026-${day}T00:00:00Z`), limit: 10 });
    expect([await prune('02-02'), await prune('02-04')]).to.deep.equal([0, 1]);
  });

  it('let a statement and a transaction wait for a lock that others hold for a while', async () => {
    const release = await store.holding((transaction) =>
      transaction.query(sql.unsafe`lock table rtmanager.operation_log in exclusive mode`),
    );
    const queued = side.queue({});
    await store.blocked(1);
    const waitsLonger = async () =>
      (
        await store.rows(`select from pg_stat_activity where datname = current_database()
          and wait_event_type = 'Lock' and clock_timestamp() - query_start > interval ${SHORT} * 2`)
      ).length === 1;
    await eventually(waitsLonger, { what: 'the wait to outlast the defaults' });
    await release();
    await queued;
    expect(await store.operations()).to.have.length(1);
  });

  it('let replicas wait for the one that migrates', async () => {
    await store.rolledBack(async (rows) => {
      await rows('select pg_advisory_xact_lock(7241865325823964)');
      const migrated = migrate(store.dsn);
      const waitsLonger = async () =>
        (
          await store.rows(`select from pg_stat_activity where datname = current_database()
            and wait_event = 'advisory' and clock_timestamp() - query_start > interval ${SHORT} * 2`)
        ).length === 1;
      await eventually(waitsLonger, { what: 'the wait to outlast the defaults' });
      await rows('commit');
      expect(await migrated).to.deep.equal([]);
    });
  });

  it('end the start, with the name of the setting, where triggers are off and RTM may not switch them on', async () => {
    const database = await makeDatabase();
    const role = `rtm_role_${shortId()}`;
    const dsn = new URL(database.dsn);
    [dsn.username, dsn.password] = [role, 'secret'];
    await store.rows(`create role ${role} login password 'secret'`);
    try {
      await store.rows(`alter role ${role} set session_replication_role = replica`);
      const refused = await rejectionOf(prepareDatabase(dsn.toString(), makeMemoryLogger()));
      expect(refused).to.have.property('code', '42501');
      expect(refused.message).to.include('session_replication_role');
    } finally {
      await database.drop();
      await store.rows(`drop role ${role}`);
    }
  });
});
