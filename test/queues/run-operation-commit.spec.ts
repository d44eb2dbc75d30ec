import { expect } from 'chai';
import { sql } from 'slonik';
import type { Handler, Handlers, Result } from '../../handlers/types.ts';
import { RuntimeError } from '../../lib/errors.ts';
import { LeaseLostError, ShutdownError } from '../../lib/lease.ts';
import { getRecord, swapRecord } from '../../sql/runtime-records.ts';
import { eventually } from '../helpers/eventually.ts';
import { makeQueueSide, type QueueSide } from '../helpers/queue-side.ts';
import { makeRecord } from '../helpers/records.ts';
import { makeRedis, type TestRedis } from '../helpers/redis.ts';
import { startedResult } from '../helpers/results.ts';
import { makeStore, type Store } from '../helpers/store.ts';
import { makePostgresProxy } from '../helpers/tcp-proxy.ts';

/** A handler that the test lets go on: `entered` when it runs, and `leave` decides how it ends. */
function makeGate() {
  const entered = Promise.withResolvers<Parameters<Handler>[1]>();
  const end = Promise.withResolvers<Result>();
  const start: Handler = (_operation, context) => {
    entered.resolve(context);
    return end.promise;
  };
  return { start, entered: entered.promise, leave: end.resolve, fail: end.reject };
}

describe('an operation whose end is hard to write', () => {
  let store: Store;
  let redis: TestRedis;
  const sides: QueueSide[] = [];

  before(async () => {
    store = await makeStore();
    redis = await makeRedis();
  });
  after(async () => {
    await redis?.release();
    await store?.destroy();
  });
  beforeEach(() => store.queue({ sourceRef: 'runtime:start_jobs/7-1' }));
  afterEach(async () => {
    for (const side of sides.splice(0)) await side[Symbol.asyncDispose]();
    await store.clear();
  });

  async function sideWith(start: Handler, options: Partial<Parameters<typeof makeQueueSide>[0]> = {}) {
    const side = await makeQueueSide({ store, redis, handlers: { start } as Handlers, ...options });
    sides.push(side);
    return side;
  }
  const head = async () => (await store.operations())[0];
  const channels = async () => (await store.messages()).map((one) => one.channel);

  describe('because its record can not be written', () => {
    /** Containers that would run; an undo takes them away. */
    let containers: Set<string>;
    const result = (next = makeRecord({ currentContainerId: 'c1' })): Result => ({
      ...startedResult(),
      effects: { ...startedResult().effects, record: { expected: null, next } },
      undo: async () => void containers.delete('c1'),
    });
    beforeEach(() => {
      containers = new Set(['c1']);
    });

    it('leaves the record as somebody else wrote it, no container, and internal_error', async () => {
      const other = makeRecord({ currentContainerId: 'of somebody else' });
      await swapRecord(store.db, { expected: null, next: other });
      const { run } = await sideWith(async () => result());
      expect(await run('g')).to.include({ result: 'failure', error_code: 'internal_error' });
      expect([...containers]).to.deep.equal([]);
      expect(await getRecord(store.db, 'g')).to.deep.equal(other);
      expect(await head()).to.include({
        status: 'finished',
        outcome: 'failure',
        error_code: 'internal_error',
      });
      // Neither the health event of the start that was taken back, nor an alert.
      expect((await store.messages()).map(({ channel, outcome }) => [channel, outcome])).to.deep.equal([
        ['job_results', 'failure'],
      ]);
    });

    it('leaves no container and internal_error when PostgreSQL refuses its content', async () => {
      const { run } = await sideWith(async () => result(makeRecord({ statePath: '/state/\0' })));
      expect(await run('g')).to.include({ result: 'failure', error_code: 'internal_error' });
      expect([...containers]).to.deep.equal([]);
      expect(await getRecord(store.db, 'g')).to.equal(null);
      expect(await channels()).to.deep.equal(['job_results']);
    });

    it('leaves no container and internal_error when it is not even a record', async () => {
      const broken = { ...makeRecord(), statePath: { not: 'a text' } } as unknown as ReturnType<
        typeof makeRecord
      >;
      const { run } = await sideWith(async () => result(broken));
      expect(await run('g')).to.include({ result: 'failure', error_code: 'internal_error' });
      expect([...containers]).to.deep.equal([]);
    });

    it('says so when there was nothing that could be taken back', async () => {
      await swapRecord(store.db, { expected: null, next: makeRecord() });
      const { run } = await sideWith(async () => startedResult());
      await run('g');
      expect((await head())?.error_message).to.not.include('was removed');
    });

    it('is not final while its container could not be taken back', async () => {
      await swapRecord(store.db, { expected: null, next: makeRecord() });
      let dockerAnswers = false;
      const { run } = await sideWith(async () => ({
        ...result(),
        undo: async () => {
          if (!dockerAnswers) throw new RuntimeError('docker_unavailable', 'Docker did not answer');
          containers.clear();
        },
      }));
      expect(await run('g')).to.include({ result: 'postponed' });
      expect(await head()).to.include({ status: 'queued', rollback_pending: true, outcome: null });
      expect(await channels()).to.deep.equal([]);

      dockerAnswers = true;
      await store.rows('update rtmanager.operation_log set not_before = now()');
      expect(await run('g')).to.include({ result: 'failure', error_code: 'internal_error', attempt: 2 });
      expect([...containers]).to.deep.equal([]);
    });

    it('takes nothing back that its successor may have taken over', async () => {
      await swapRecord(store.db, { expected: null, next: makeRecord() });
      const { run } = await sideWith(async () => ({
        ...result(),
        undo: () => Promise.reject(new LeaseLostError('x')),
      }));
      expect((await run('g')).result).to.equal('handed over');
      expect(await head()).to.include({ status: 'running', outcome: null });
    });
  });

  describe('because PostgreSQL is away', () => {
    it('is written by another connection when its own were terminated while it ran', async () => {
      const gate = makeGate();
      const { run } = await sideWith(gate.start, { name: 'victim' });
      const running = run('g');
      await gate.entered;
      const terminated = await store.rows(
        "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'victim-operations'",
      );
      expect(terminated).to.not.deep.equal([]);
      gate.leave(startedResult());
      expect(await running).to.include({ result: 'success', attempt: 1 });
      expect(await channels()).to.deep.equal(['health_events', 'job_results']);
    });

    it('is written when PostgreSQL comes back within the lease', async () => {
      const proxy = await makePostgresProxy(store.dsn);
      try {
        const gate = makeGate();
        const { run, log } = await sideWith(gate.start, { postgresThrough: proxy });
        const running = run('g');
        await gate.entered;
        await proxy.close();
        gate.leave(startedResult());
        await eventually(() => log.lines.some((line) => line.message.includes('could not be written yet')), {
          what: 'a commit to fail',
        });
        await proxy.open();
        expect(await running).to.include({ result: 'success', attempt: 1 });
        expect(await channels()).to.deep.equal(['health_events', 'job_results']);
      } finally {
        await proxy.close();
      }
    });

    it('is left to its successor when PostgreSQL stays away for longer than the lease', async () => {
      const proxy = await makePostgresProxy(store.dsn);
      try {
        const gate = makeGate();
        const { run } = await sideWith(gate.start, { postgresThrough: proxy, leaseMs: 400 });
        const running = run('g');
        await gate.entered;
        await proxy.close();
        gate.leave(startedResult());
        expect((await running).result).to.equal('handed over');
        await eventually(async () => (await store.db.query(OVERDUE)).rowCount === 1, {
          what: 'the lease to run out',
        });
        const successor = await sideWith(async () => startedResult());
        expect(await successor.run('g')).to.include({ result: 'success', attempt: 2 });
        expect(await channels()).to.deep.equal(['health_events', 'job_results']);
      } finally {
        await proxy.close();
      }
    });

    it('is known as its own when the answer to the commit was lost', async () => {
      const proxy = await makePostgresProxy(store.dsn);
      try {
        const gate = makeGate();
        const { run, log } = await sideWith(gate.start, { postgresThrough: proxy });
        const running = run('g');
        await gate.entered;
        proxy.loseAnswerTo("set status = 'finished'");
        gate.leave(startedResult());
        expect(await running).to.include({ result: 'success', attempt: 1 });
        expect(log.lines.map((line) => line.message)).to.include(
          'the outcome could not be written yet, it is tried again',
        );
        expect(await channels()).to.deep.equal(['health_events', 'job_results']);
      } finally {
        await proxy.close();
      }
    });

    it('is run again when PostgreSQL fails its handler: that is no failure of the operation', async () => {
      let attempts = 0;
      const entered = Promise.withResolvers<void>();
      const isLocked = Promise.withResolvers<void>();
      const start: Handler = async (_operation, { records }) => {
        attempts += 1;
        entered.resolve();
        await isLocked.promise;
        // The first look is answered by what the claim brought along.
        await records.get('g' as never);
        await records.get('g' as never);
        return startedResult();
      };
      const { run } = await sideWith(start, { name: 'victim', leaseMs: 400 });
      const running = run('g').catch((error: Error) => error);
      await entered.promise;
      await store.rolledBack(async (rows) => {
        // The handler's look at the record waits for this lock, and its session dies while it waits.
        await rows('lock table rtmanager.runtime_records');
        isLocked.resolve();
        await store.blocked(1);
        await rows(`select pg_terminate_backend(pid) from pg_stat_activity
          where application_name = 'victim-operations' and wait_event_type = 'Lock'`);
        await running;
      });
      expect(await head()).to.include({ outcome: null });
      expect(await channels()).to.deep.equal([]);
      await eventually(
        async () => {
          await store.rows('update rtmanager.operation_log set not_before = now() where not_before > now()');
          return (await run('g')).result === 'success';
        },
        { what: 'the operation to be run again' },
      );
      expect(attempts).to.equal(2);
      expect(await channels()).to.deep.equal(['health_events', 'job_results']);
    });
  });

  describe('because its lease was lost', () => {
    it('writes nothing, whether it heard of that or not', async () => {
      const gate = makeGate();
      const paused = await sideWith(gate.start, { leaseMs: 60_000 });
      const running = paused.run('g');
      await gate.entered;
      await store.expireLease('g');
      const successor = await sideWith(async () => startedResult('g', 'of its successor'));
      expect(await successor.run('g')).to.include({ result: 'success', attempt: 2 });
      const before = await store.world();
      gate.leave(startedResult('g', 'of the paused one'));
      expect((await running).result).to.equal('handed over');
      expect(await store.world()).to.deep.equal(before);
    });

    it('writes nothing when it failed, either', async () => {
      const gate = makeGate();
      const paused = await sideWith(gate.start, { leaseMs: 60_000 });
      const running = paused.run('g');
      await gate.entered;
      await store.expireLease('g');
      await store.claim('g');
      const before = await store.world();
      gate.fail(new RuntimeError('image_pull_failed', 'no such image'));
      expect((await running).result).to.equal('handed over');
      expect(await store.world()).to.deep.equal(before);
    });

    it('postpones nothing when Docker was away, either', async () => {
      const gate = makeGate();
      const paused = await sideWith(gate.start, { leaseMs: 60_000 });
      const running = paused.run('g');
      await gate.entered;
      await store.expireLease('g');
      await store.claim('g');
      const before = await store.world();
      gate.fail(new RuntimeError('docker_unavailable', 'Docker did not answer'));
      await running;
      expect(await store.world()).to.deep.equal(before);
    });

    it('is told to its handler by the signal', async () => {
      const gate = makeGate();
      const { run } = await sideWith(gate.start, { leaseMs: 300 });
      const running = run('g');
      const { signal } = await gate.entered;
      await store.rows('update rtmanager.operation_log set attempt = attempt + 1');
      await eventually(() => signal.aborted, { what: 'the signal to abort' });
      expect(signal.reason).to.be.instanceOf(LeaseLostError);
      gate.fail(signal.reason);
      expect((await running).result).to.equal('handed over');
    });
  });

  describe('because its replica stops', () => {
    it('goes back to its queue at once, and another replica runs it', async () => {
      const gate = makeGate();
      const stopping = await sideWith(gate.start);
      const running = stopping.run('g');
      const { signal } = await gate.entered;
      stopping.leases.abortAll(new ShutdownError());
      gate.fail(signal.reason);
      expect((await running).result).to.equal('handed over');
      expect(await head()).to.include({ status: 'queued', rollback_pending: true, attempt: 1 });

      const other = await sideWith(async () => startedResult());
      expect(await other.run('g')).to.include({ result: 'success', attempt: 2 });
    });

    it('goes back also when its handler fails in another way because of the abort', async () => {
      const gate = makeGate();
      const stopping = await sideWith(gate.start);
      const running = stopping.run('g');
      await gate.entered;
      stopping.leases.abortAll(new ShutdownError());
      gate.fail(new RuntimeError('image_pull_failed', 'the pull was aborted'));
      expect((await running).result).to.equal('handed over');
      expect(await head()).to.include({ status: 'queued', outcome: null });
      expect(await channels()).to.deep.equal([]);
    });

    it('is written all the same when its handler came through before it noticed', async () => {
      const gate = makeGate();
      const stopping = await sideWith(gate.start);
      const running = stopping.run('g');
      await gate.entered;
      stopping.leases.abortAll(new ShutdownError());
      gate.leave(startedResult());
      expect(await running).to.include({ result: 'success' });
    });
  });
});

const OVERDUE = sql.unsafe`select 1 from rtmanager.operation_log where lease_until < clock_timestamp()`;
