import { type Job, Worker } from 'bullmq';
import { expect } from 'chai';
import type { Redis } from 'ioredis';
import { type Dispatcher, type LifecycleJob, makeDispatcher } from '../../queues/dispatch.ts';
import type { WaitingGame } from '../../sql/operation-log.ts';
import { eventually } from '../helpers/eventually.ts';
import { rejectionOf } from '../helpers/failure-of.ts';
import { makeMemoryLogger } from '../helpers/memory-logger.ts';
import { PREFIX } from '../helpers/queue-side.ts';
import { makeRedis, type TestRedis } from '../helpers/redis.ts';
import { connectAs, parseAddr } from '../helpers/redis-connection.ts';
import { makeTcpProxy } from '../helpers/tcp-proxy.ts';

const game = (gameId: string, imageRef: string | null = 'engine:1'): WaitingGame => ({
  gameId,
  opKind: 'start',
  opSource: 'lobby_stream',
  imageRef,
});

describe('dispatch', () => {
  let redis: TestRedis;
  let connection: Redis;
  let dispatcher: Dispatcher;
  let queue: Dispatcher['queues'][number];

  before(async () => {
    redis = await makeRedis();
    connection = await connectAs(redis);
    dispatcher = makeDispatcher({ connection, prefix: PREFIX, queueCount: 1, log: makeMemoryLogger() });
    queue = dispatcher.queues[0] ?? expect.fail('no queue');
  });
  after(async () => {
    await dispatcher?.close();
    connection?.disconnect();
    await redis?.release();
  });
  let cleanups: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const cleanup of cleanups) await cleanup();
    cleanups = [];
    await redis.client.flushdb();
  });

  const live = async () => queue.getJobs(['waiting', 'active', 'delayed', 'prioritized']);
  const key = (...parts: string[]) => [PREFIX, queue.name, ...parts].join(':');

  /** Runs jobs as they come until the test ends. */
  async function startWorker(process: (job: Job<LifecycleJob>) => Promise<void>, concurrency = 5) {
    const own = await connectAs(redis, { role: 'queue' });
    const worker = new Worker<LifecycleJob>(queue.name, process, {
      connection: own,
      prefix: PREFIX,
      concurrency,
    });
    cleanups.push(() => worker.close(true).then(() => own.disconnect()));
  }

  it('keeps none of what the library tells of jobs and nobody reads', async () => {
    for (let batch = 0; batch < 10; batch += 1)
      await dispatcher.wake(Array.from({ length: 100 }, (_, index) => game(`told-${batch}-${index}`)));
    // Redis forgets by nodes of a hundred entries.
    expect(await redis.client.xlen(key('events'))).to.be.at.most(300);
  });

  it('gives a game one live job, however often and by however many it is woken', async () => {
    await dispatcher.wake([game('a'), game('b'), game('a')]);
    await Promise.all(Array.from({ length: 20 }, () => dispatcher.wake([game('a')])));
    expect((await live()).map((job) => job.data.game_id).toSorted()).to.deep.equal(['a', 'b']);
  });

  it('names the job after what is to be done, for people who look at the queue', async () => {
    await dispatcher.wake([{ gameId: 'a', opKind: 'stop', opSource: 'admin_rest', imageRef: null }]);
    const [job] = await live();
    expect(job?.name).to.equal('stop');
    expect(job?.data).to.deep.equal({
      game_id: 'a',
      op_kind: 'stop',
      op_source: 'admin_rest',
      image_ref: '',
    });
  });

  it('lets what RTM itself finds to do wait for whatever is asked for, however much it is', async () => {
    const found = (gameId: string): WaitingGame => ({
      ...game(gameId, null),
      opKind: 'cleanup_container',
      opSource: gameId < 'found-5' ? 'auto_ttl' : 'auto_reconcile',
    });
    await dispatcher.wake(Array.from({ length: 10 }, (_, index) => found(`found-${index}`)));
    await dispatcher.wake([game('asked-1')]);
    await dispatcher.revive([game('asked-2')]);
    const ran: string[] = [];
    await startWorker(async (job) => void ran.push(job.data.game_id), 1);
    await eventually(() => ran.length === 12, { what: 'all to run' });
    expect(ran.slice(0, 2)).to.deep.equal(['asked-1', 'asked-2']);
  });

  it('lets a game that somebody asks for leave the line in which its own repair waits', async () => {
    const found = (gameId: string): WaitingGame => ({
      ...game(gameId, null),
      opKind: 'reconcile_exit',
      opSource: 'auto_reconcile',
    });
    await dispatcher.wake(Array.from({ length: 5 }, (_, index) => found(`found-${index}`)));
    await dispatcher.wake([game('asked-1')]);
    await dispatcher.wake([game('found-3')]);
    await dispatcher.revive([game('found-4')]);
    const ran: string[] = [];
    await startWorker(async (job) => void ran.push(job.data.game_id), 1);
    await eventually(() => ran.length === 6, { what: 'all to run' });
    expect(ran.slice(0, 3)).to.have.members(['asked-1', 'found-3', 'found-4']);
  });

  it('lets whatever else is asked for pass the starts that wait, which keep their order', async () => {
    const stop = (gameId: string): WaitingGame => ({ ...game(gameId, null), opKind: 'stop' });
    await dispatcher.wake(['a', 'b', 'c', 'd', 'e'].map((id) => game(id)));
    await dispatcher.wake([game('b')]);
    await dispatcher.revive([game('a')]);
    await dispatcher.wake([stop('runs')]);
    await dispatcher.wake([stop('d')]);
    const ran: string[] = [];
    await startWorker(async (job) => void ran.push(job.data.game_id), 1);
    await eventually(() => ran.length === 6, { what: 'all to run' });
    expect(ran).to.deep.equal(['runs', 'd', 'a', 'b', 'c', 'e']);
  });

  it('does not lose what it finds itself while the game’s job runs', async () => {
    const gate = Promise.withResolvers<void>();
    const ran: string[] = [];
    await startWorker(async (job) => {
      ran.push(job.data.op_source);
      await gate.promise;
    });
    await dispatcher.wake([game('a')]);
    await eventually(() => ran.length === 1, { what: 'the job to run' });
    await dispatcher.wake([{ ...game('a', null), opKind: 'reconcile_exit', opSource: 'auto_reconcile' }]);
    gate.resolve();
    await eventually(() => ran.length === 2, { what: 'the next one' });
    expect(ran).to.deep.equal(['lobby_stream', 'auto_reconcile']);
  });

  it('adds no job in a sweep that would follow a run under way', async () => {
    const gate = Promise.withResolvers<void>();
    const ran: string[] = [];
    await startWorker(async (job) => {
      ran.push(job.data.game_id);
      await gate.promise;
    });
    await dispatcher.wake([game('a_b')]);
    await eventually(() => ran.length === 1, { what: 'the job to run' });
    await dispatcher.revive([game('a_b'), game('a')]);
    await eventually(() => ran.length === 2, { what: 'the other game to run' });
    gate.resolve();
    await eventually(async () => (await live()).length === 0, { what: 'both to end' });
    expect(ran).to.deep.equal(['a_b', 'a']);
  });

  it('takes every game id that is one', async () => {
    const ids = ['123', '0', 'A.b-c_d', 'a'.repeat(128), 'constructor', 'a-b', 'a_b'];
    await dispatcher.wake(ids.map((id) => game(id)));
    expect((await live()).map((job) => job.data.game_id).toSorted()).to.deep.equal(ids.toSorted());
  });

  it('finds the same queue for a game in every replica, and uses them all', async () => {
    const make = () => makeDispatcher({ connection, prefix: PREFIX, queueCount: 4, log: makeMemoryLogger() });
    const [one, two] = [make(), make()];
    const ids = Array.from({ length: 40 }, (_, index) => `g${index}`);
    await one.wake(ids.map((id) => game(id)));
    await two.wake(ids.map((id) => game(id)));
    const perQueue = await Promise.all(one.queues.map((each) => each.count()));
    expect(perQueue.reduce((sum, count) => sum + count, 0)).to.equal(40);
    expect(Math.min(...perQueue)).to.be.greaterThan(0);
    await Promise.all([one.close(), two.close()]);
  });

  it('lets a wake-up that comes while the job runs follow it, once', async () => {
    const runs: string[] = [];
    const gate = Promise.withResolvers<void>();
    await startWorker(async (job) => {
      runs.push(job.data.image_ref);
      if (runs.length === 1) await gate.promise;
    });
    await dispatcher.wake([game('a', 'engine:1')]);
    await eventually(() => runs.length === 1, { what: 'the job to run' });
    for (const image of ['engine:2', 'engine:3', 'engine:4']) await dispatcher.wake([game('a', image)]);
    gate.resolve();
    await eventually(async () => runs.length === 2 && (await live()).length === 0, {
      what: 'the job behind it',
    });
    expect(runs).to.deep.equal(['engine:1', 'engine:4']);
  });

  for (const [how, process] of Object.entries({
    completed: async () => {},
    failed: () => Promise.reject(new Error('PostgreSQL is away')),
  })) {
    it(`gives a game a new job after its last one ${how}`, async () => {
      let runs = 0;
      await startWorker(() => {
        runs += 1;
        return process();
      });
      for (const round of [1, 2, 3]) {
        await dispatcher.wake([game('a')]);
        await eventually(async () => runs === round && (await live()).length === 0, {
          what: `round ${round}`,
        });
      }
    });
  }

  describe('of a game whose job is gone while Redis still thinks of it', () => {
    const LOSSES: Record<string, (job: Job) => Promise<unknown>> = {
      'because somebody removed it': (job) => job.remove(),
      'because its data was lost': (job) => redis.client.del(key(job.id ?? '')),
      'because the list it waited in was lost': () => redis.client.del(key('wait')),
    };
    for (const [how, lose] of Object.entries(LOSSES)) {
      it(`${how}, is caught up by the next sweep`, async () => {
        await dispatcher.wake([game('a'), game('b')]);
        const lost = (await live()).find((job) => job.data.game_id === 'a');
        expect(await connection.get(key('de', 'a'))).to.equal(lost?.id);
        if (lost) await lose(lost);
        await dispatcher.revive([game('a'), game('b')]);
        const ran = new Set<string>();
        await startWorker(async (job) => {
          ran.add(job.data.game_id);
        });
        await eventually(() => ran.has('a') && ran.has('b'), { what: 'both games to run' });
      });
    }
  });

  it('leaves the jobs of games alone that have one, also in a sweep', async () => {
    await dispatcher.wake([game('a'), game('b')]);
    const before = (await live()).map((job) => job.id);
    await dispatcher.revive([game('a'), game('b')]);
    expect((await live()).map((job) => job.id)).to.deep.equal(before);
  });

  it('says at once that Redis is away, and works again when it is back', async () => {
    const proxy = await makeTcpProxy({ target: parseAddr(redis.addr) });
    const own = await connectAs(redis, { through: proxy });
    const through = makeDispatcher({
      connection: own,
      prefix: PREFIX,
      queueCount: 1,
      log: makeMemoryLogger(),
    });
    await through.wake([game('a')]);
    await proxy.close();
    const startMs = performance.now();
    await rejectionOf(through.wake([game('b')]));
    expect(performance.now() - startMs).to.be.lessThan(4_000);
    await proxy.open();
    await eventually(() => through.wake([game('b')]).then(() => true), { what: 'Redis to be back' });
    expect((await live()).map((job) => job.data.game_id).toSorted()).to.deep.equal(['a', 'b']);
    await through.close();
    own.disconnect();
    await proxy.close();
  });
});
