import { expect } from 'chai';
import type { Handlers } from '../../handlers/types.ts';
import { RuntimeError } from '../../lib/errors.ts';
import { addMessages } from '../../sql/outbox.ts';
import { eventually } from '../helpers/eventually.ts';
import { rejectionOf } from '../helpers/failure-of.ts';
import { makeLobby, STREAMS } from '../helpers/lobby.ts';
import { makeQueueSide, type QueueSide } from '../helpers/queue-side.ts';
import { makeRedis, type TestRedis } from '../helpers/redis.ts';
import { parseAddr } from '../helpers/redis-connection.ts';
import { replayResult } from '../helpers/results.ts';
import { makeStore, type Store } from '../helpers/store.ts';
import { makeTcpProxy } from '../helpers/tcp-proxy.ts';

describe('a repair sweep', () => {
  let store: Store;
  let redis: TestRedis;
  let side: QueueSide;
  let start: Handlers['start'];

  before(async () => {
    store = await makeStore();
    redis = await makeRedis();
    side = await makeQueueSide({
      store,
      redis,
      handlers: { start: (operation, context) => start(operation, context) },
    });
  });
  after(async () => {
    await side?.[Symbol.asyncDispose]();
    await redis?.release();
    await store?.destroy();
  });
  beforeEach(() => {
    start = async ({ gameId }) => replayResult(gameId);
  });
  afterEach(async () => {
    await redis.client.flushdb();
    await store.clear();
  });

  const backdate = () =>
    store.rows(
      "update rtmanager.operation_log set accepted_at = now() - interval '1 minute' where status = 'queued'",
    );
  const jobs = async () =>
    (await Promise.all(side.dispatcher.queues.map((queue) => queue.getJobs(['prioritized', 'active']))))
      .flat()
      .map((job) => job.data.game_id)
      .toSorted();
  const untilDone = () =>
    eventually(async () => (await store.operations()).every((row) => row.status === 'finished'), {
      what: 'everything to be done',
    });

  it('gives a job to each game that has work and none', async () => {
    await store.queue({ gameId: 'a' }, { gameId: 'a' }, { gameId: 'b' });
    await backdate();
    await side.repair();
    await side.repair();
    expect(await jobs()).to.deep.equal(['a', 'b']);
  });

  it('leaves work alone that was accepted just now: its job is on its way', async () => {
    await store.queue({ gameId: 'a' });
    await side.repair();
    expect(await jobs()).to.deep.equal([]);
  });

  it('dispatches again what was left by a replica whose lease ran out, and nothing that runs', async () => {
    await store.queue({ gameId: 'left' }, { gameId: 'runs' });
    await store.claim('left');
    await store.claim('runs');
    await store.expireLease('left');
    await side.repair();
    expect(await jobs()).to.deep.equal(['left']);
  });

  it('dispatches what was postponed once it is due', async () => {
    await store.queue({});
    start = () => Promise.reject(new RuntimeError('docker_unavailable', 'Docker did not answer'));
    await side.run('g');
    await backdate();
    await side.repair();
    expect(await jobs()).to.deep.equal([]);
    await store.rows('update rtmanager.operation_log set not_before = now()');
    await side.repair();
    expect(await jobs()).to.deep.equal(['g']);
  });

  it('gives games their jobs again when Redis was emptied, while workers wait for them', async () => {
    await store.queue({ gameId: 'before' });
    await side.dispatcher.wake([
      { gameId: 'before', opKind: 'start', opSource: 'lobby_stream', imageRef: null },
    ]);
    const workers = await side.startWorkers();
    await untilDone();
    await redis.client.flushdb();
    await store.queue({ gameId: 'a' }, { gameId: 'b' }, { gameId: 'a' });
    await backdate();
    await side.repair();
    await untilDone();
    expect((await store.operations()).map((row) => row.outcome)).to.deep.equal(Array(4).fill('success'));
    await workers.close(1_000);
  });

  it('loses and doubles nothing when Redis is emptied in the middle of a burst (failure mode 19)', async () => {
    const ran: string[] = [];
    start = async ({ gameId, operationId }) => {
      ran.push(operationId);
      return replayResult(gameId);
    };
    const games = Array.from({ length: 30 }, (_, index) => `g${index}`);
    await store.queue(
      ...games.map((gameId, index) => ({ gameId, sourceRef: `runtime:start_jobs/${index + 1}-0` })),
    );
    await backdate();
    const workers = await side.startWorkers(4);
    await side.repair();
    await eventually(() => ran.length > 5, { what: 'some to be run', intervalMs: 1 });
    await redis.client.flushdb();
    await eventually(
      async () => {
        await side.repair();
        return (await store.operations()).every((row) => row.status === 'finished');
      },
      { what: 'all to be run' },
    );
    await side.repair();
    expect(ran).to.have.length(30);
    expect(new Set(ran).size).to.equal(30);
    const answers = await makeLobby(redis).entries(STREAMS.jobResults);
    expect(answers.map((entry) => entry.fields.game_id).toSorted()).to.deep.equal(games.toSorted());
    await workers.close(1_000);
  });

  it('publishes what was left lying, and again what Redis has lost', async () => {
    const lobby = makeLobby(redis);
    const message = (text: string) => ({ channel: 'job_results' as const, gameId: 'g', fields: { text } });
    await addMessages(store.db, [message('1'), message('2')]);
    await side.repair();
    await redis.client.flushdb();
    await addMessages(store.db, [message('3')]);
    await side.repair();
    expect((await lobby.entries(STREAMS.jobResults)).map((entry) => entry.fields.text)).to.deep.equal([
      '1',
      '2',
      '3',
    ]);
  });

  it('does its other part also when one fails, and fails then', async () => {
    await redis.client.set(STREAMS.jobResults, 'not a stream');
    await addMessages(store.db, [{ channel: 'job_results', gameId: 'g', fields: { text: '1' } }]);
    await store.queue({ gameId: 'a' });
    await backdate();
    expect((await rejectionOf(side.repair())).message).to.include('WRONGTYPE');
    expect(await jobs()).to.deep.equal(['a']);
  });

  it('fails while Redis is away, and catches up with everything when it is back', async () => {
    const proxy = await makeTcpProxy({ target: parseAddr(redis.addr) });
    const other = await makeQueueSide({ store, redis, redisThrough: proxy });
    try {
      await store.queue({ gameId: 'a' });
      await addMessages(store.db, [{ channel: 'job_results', gameId: 'g', fields: { text: '1' } }]);
      await backdate();
      await proxy.close();
      await rejectionOf(other.repair());
      await proxy.open();
      await eventually(() => other.repair().then(() => true), { what: 'Redis to be back' });
      expect(await jobs()).to.deep.equal(['a']);
      expect(await makeLobby(redis).entries(STREAMS.jobResults)).to.have.length(1);
    } finally {
      await other[Symbol.asyncDispose]();
      await proxy.close();
    }
  });
});
