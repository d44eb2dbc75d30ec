import { expect } from 'chai';
import { type DatabasePool, sql } from 'slonik';
import { LeaseLostError, ShutdownError } from '../../lib/lease.ts';
import { type LeaseKeeper, makeLeaseKeeper } from '../../queues/leases.ts';
import { claimHead } from '../../sql/claims.ts';
import { makePool } from '../../sql/pool.ts';
import { eventually } from '../helpers/eventually.ts';
import { makeMemoryLogger } from '../helpers/memory-logger.ts';
import { makeStore, type Store } from '../helpers/store.ts';
import { makePostgresProxy, type TcpProxy } from '../helpers/tcp-proxy.ts';

const LEASE_MS = 300;

describe('a lease', () => {
  let store: Store;
  let proxy: TcpProxy & { readonly dsn: string };
  let db: DatabasePool;
  let leases: LeaseKeeper;

  before(async () => {
    store = await makeStore();
  });
  after(() => store.destroy());
  beforeEach(async () => {
    proxy = await makePostgresProxy(store.dsn);
    db = await makePool({ dsn: proxy.dsn, max: 3, name: 'test-leases' });
    leases = makeLeaseKeeper(db, { leaseMs: LEASE_MS, log: makeMemoryLogger() });
  });
  afterEach(async () => {
    leases.close();
    await proxy.close();
    await db.end();
    await store.clear();
  });

  /** Claims a game's operation and holds its lease. */
  async function hold(gameId = 'g', keeper = leases) {
    await store.queue({ gameId });
    const claimedAtMs = performance.now();
    const operation = await store.claim(gameId, LEASE_MS);
    return { operation, lease: keeper.hold(operation, claimedAtMs), claimedAtMs };
  }
  const leaseEnd = async (gameId = 'g') =>
    (
      await store.rows<{ at: number; over: boolean }>(
        `select extract(epoch from lease_until)::float8 as at, lease_until < clock_timestamp() as over
         from rtmanager.operation_log where game_id = $1`,
        [gameId],
      )
    )[0];
  /** Stands for a claim by another replica. */
  const takeOver = (gameId = 'g') =>
    store.rows(
      `update rtmanager.operation_log set attempt = attempt + 1, lease_until = now() + interval '1 minute'
       where game_id = $1`,
      [gameId],
    );
  const untilAborted = (signal: AbortSignal) =>
    eventually(() => signal.aborted, { what: 'the signal to abort', timeoutMs: 4 * LEASE_MS, intervalMs: 5 });

  it('is renewed for as long as it is held, so that nobody else can claim the game', async () => {
    const { lease, claimedAtMs } = await hold();
    await eventually(
      async () => {
        expect((await leaseEnd())?.over).to.equal(false);
        expect(await claimHead(store.db, { gameId: 'g', leaseMs: LEASE_MS })).to.equal(null);
        lease.assertHeld();
        return performance.now() > claimedAtMs + 4 * LEASE_MS;
      },
      { what: 'four times its length to pass' },
    );
    expect(lease.signal.aborted).to.equal(false);
  });

  it('is not renewed any more once it is released, and its signal stays quiet', async () => {
    const { lease } = await hold();
    lease.release();
    await eventually(async () => (await leaseEnd())?.over, { what: 'it to run out' });
    expect(lease.signal.aborted).to.equal(false);
    const next = await claimHead(store.db, { gameId: 'g', leaseMs: LEASE_MS });
    expect(next?.operation).to.include({ attempt: 2 });
  });

  it('that another attempt took over is lost: the signal aborts, and nothing irreversible is allowed', async () => {
    const { lease } = await hold();
    const other = await hold('other');
    await takeOver();
    await untilAborted(lease.signal);
    expect(lease.signal.reason).to.be.instanceOf(LeaseLostError);
    expect(() => lease.assertHeld()).to.throw(LeaseLostError);
    expect(other.lease.signal.aborted).to.equal(false);
    other.lease.assertHeld();
  });

  it('of a finished operation is lost as well', async () => {
    const { lease } = await hold();
    await store.rows(`update rtmanager.operation_log set status = 'finished', lease_until = null, outcome = 'success',
      finished_at = now()`);
    await untilAborted(lease.signal);
    expect(lease.signal.reason).to.be.instanceOf(LeaseLostError);
  });

  it('runs out by the local clock while PostgreSQL is away (failure mode 19)', async () => {
    const { lease, claimedAtMs } = await hold();
    await proxy.close();
    lease.assertHeld();
    const overAtMs = await eventually(
      () => {
        try {
          lease.assertHeld();
          return undefined;
        } catch (error) {
          expect(error).to.be.instanceOf(LeaseLostError);
          return performance.now();
        }
      },
      { what: 'it to run out', intervalMs: 2 },
    );
    expect(overAtMs - claimedAtMs).to.be.within(LEASE_MS - 1, 3 * LEASE_MS);
    await untilAborted(lease.signal);
  });

  it('runs out by the local clock while PostgreSQL is silent', async () => {
    const { lease } = await hold();
    await eventually(() => db.query(sql.unsafe`select 1`), {
      what: 'a connection to be open',
    });
    proxy.hush();
    await untilAborted(lease.signal);
    expect(() => lease.assertHeld()).to.throw(LeaseLostError);
    proxy.speak();
  });

  it('is renewed again after the connection has fallen silent for good', async () => {
    const silent = await makePool({ dsn: proxy.dsn, max: 1, name: 'test-leases', queryTimeoutMs: LEASE_MS });
    const keeper = makeLeaseKeeper(silent, { leaseMs: LEASE_MS, log: makeMemoryLogger() });
    try {
      await silent.query(sql.unsafe`select 1`);
      const { lease } = await hold('g', keeper);
      proxy.strand();
      await untilAborted(lease.signal);
      lease.release();
      // What is claimed from now on is kept again: the next one, or the one after it.
      await eventually(
        async () => {
          const gameId = `g${performance.now()}`;
          const { lease: later, claimedAtMs } = await hold(gameId, keeper);
          await eventually(() => later.signal.aborted || performance.now() > claimedAtMs + 2 * LEASE_MS, {
            what: 'twice its length to pass',
          });
          later.assertHeld();
          return true;
        },
        { what: 'a lease to be kept' },
      );
    } finally {
      keeper.close();
      await silent.end();
    }
  });

  it('runs out by the local clock while its row is locked', async () => {
    const { lease } = await hold();
    await store.rolledBack(async (rows) => {
      await rows('select 1 from rtmanager.operation_log for update');
      await untilAborted(lease.signal);
      expect(() => lease.assertHeld()).to.throw(LeaseLostError);
    });
  });

  it('survives an outage that is shorter than itself', async () => {
    const keeper = makeLeaseKeeper(db, { leaseMs: 1_500, log: makeMemoryLogger() });
    try {
      const { lease, claimedAtMs } = await hold('g', keeper);
      await proxy.close();
      await eventually(() => performance.now() > claimedAtMs + 700, { what: 'a renewal to fail' });
      await proxy.open();
      await eventually(() => performance.now() > claimedAtMs + 2_500, { what: 'its first length to pass' });
      lease.assertHeld();
      expect(lease.signal.aborted).to.equal(false);
    } finally {
      keeper.close();
    }
  });

  it('counts from before the claim was sent: one that came late is over at once', async () => {
    await store.queue({});
    const operation = await store.claim('g', LEASE_MS);
    const lease = leases.hold(operation, performance.now() - LEASE_MS);
    expect(() => lease.assertHeld()).to.throw(LeaseLostError);
  });

  it('is given up for a shutdown, also one that is taken after it began', async () => {
    const { lease } = await hold();
    leases.abortAll(new ShutdownError());
    expect(lease.signal.reason).to.be.instanceOf(ShutdownError);
    const late = await hold('late');
    expect(late.lease.signal.reason).to.be.instanceOf(ShutdownError);
    expect(() => late.lease.assertHeld()).to.throw(ShutdownError);
  });
});
