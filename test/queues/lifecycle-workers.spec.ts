import { expect } from 'chai';
import type { Handler, Handlers } from '../../handlers/types.ts';
import type { Docker } from '../../lib/docker/docker.ts';
import type { WhileWaiting } from '../../lib/docker/image-store.ts';
import { RuntimeError } from '../../lib/errors.ts';
import { parseGameId } from '../../lib/game-id.ts';
import type { Lease } from '../../lib/lease.ts';
import { makeStartGate } from '../../queues/start-gate.ts';
import { eventually } from '../helpers/eventually.ts';
import { makeLobby, STREAMS } from '../helpers/lobby.ts';
import { makeQueueSide, type QueueSide } from '../helpers/queue-side.ts';
import { makeRedis, type TestRedis } from '../helpers/redis.ts';
import { parseAddr } from '../helpers/redis-connection.ts';
import { replayResult } from '../helpers/results.ts';
import { makeStore, type Store } from '../helpers/store.ts';
import { makePostgresProxy, makeTcpProxy } from '../helpers/tcp-proxy.ts';

/** Docker whose images come when the test says so; a waiting operation holds no slot. */
const waitingDocker = (imageOf: (work: WhileWaiting) => Promise<void>): Docker =>
  ({
    forAttempt: (_lease: Lease, waiting: WhileWaiting) => ({ ensureImage: () => imageOf(waiting) }),
  }) as unknown as Docker;
const WAIT_FOR_IMAGE: Handler = async (operation, { docker }) => {
  await docker.ensureImage(operation.imageRef as never);
  return replayResult(operation.gameId);
};
/** Room for one start on its way to Docker, which nothing but its leaving gives to the next. */
const gateForOne = () => makeStartGate({ room: 1, longestApproachMs: 3_600_000 });

describe('lifecycle workers', () => {
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
  afterEach(async () => {
    for (const side of sides.splice(0)) await side[Symbol.asyncDispose]();
    await redis.client.flushdb();
    await store.clear();
  });

  async function makeSide(start: Handler, options: Partial<Parameters<typeof makeQueueSide>[0]> = {}) {
    const side = await makeQueueSide({
      store,
      redis,
      queueCount: 1,
      handlers: { start } as Handlers,
      ...options,
    });
    sides.push(side);
    return side;
  }
  const wake = (side: QueueSide, ...gameIds: string[]) =>
    side.dispatcher.wake(
      gameIds.map((gameId) => ({
        gameId,
        opKind: 'start' as const,
        opSource: 'lobby_stream' as const,
        imageRef: 'engine:1',
      })),
    );
  const statusOf = async (gameId: string) =>
    (await store.operations()).filter((row) => row.game_id === gameId).map((row) => row.status);
  const untilFinished = (count: number) =>
    eventually(
      async () => (await store.operations()).filter((row) => row.status === 'finished').length === count,
      { what: `${count} finished operations`, timeoutMs: 15_000 },
    );
  const games = (count: number) => Array.from({ length: count }, (_, index) => `g${index}`);

  it('run a burst over many games in two replicas: each operation once, and each game in its order', async () => {
    const ran: { gameId: string; seq: bigint | null; replica: string }[] = [];
    const running = new Set<string>();
    const handlerOf =
      (replica: string): Handler =>
      async ({ gameId, seq }, { records }) => {
        expect(running.has(gameId)).to.equal(false);
        running.add(gameId);
        ran.push({ gameId, seq, replica });
        await records.get(gameId as never);
        running.delete(gameId);
        return replayResult(gameId);
      };
    const [one, two] = [
      await makeSide(handlerOf('one'), { queueCount: 3 }),
      await makeSide(handlerOf('two'), { queueCount: 3 }),
    ];
    const names = games(24);
    for (let round = 0; round < 4; round += 1) await store.queue(...names.map((gameId) => ({ gameId })));
    await wake(one, ...names);
    await Promise.all([one.startWorkers(4), two.startWorkers(4)]);
    await untilFinished(96);
    expect(ran).to.have.length(96);
    expect((await store.operations()).filter((row) => row.outcome !== 'success')).to.deep.equal([]);
    expect(new Set(ran.map((one) => one.replica)).size).to.equal(2);
    for (const gameId of names) {
      const order = ran.filter((one) => one.gameId === gameId).map((one) => one.seq);
      expect(order).to.deep.equal(order.toSorted((left, right) => Number((left ?? 0n) - (right ?? 0n))));
    }
  });

  it('go on with the next operation of a game by themselves, and let its answers leave in order', async () => {
    const side = await makeSide(async ({ gameId }) => replayResult(gameId));
    await store.queue(...[1, 2, 3].map((id) => ({ sourceRef: `runtime:start_jobs/${id}-0` })));
    await wake(side, 'g');
    await side.startWorkers();
    const answers = await eventually(
      async () => {
        const entries = await makeLobby(redis).entries(STREAMS.jobResults);
        return entries.length === 3 && entries;
      },
      { what: 'three answers' },
    );
    expect(answers.map((entry) => entry.fields.request_entry_id)).to.deep.equal(['1-0', '2-0', '3-0']);
  });

  it('go on with the next operation of a game although a stream refuses its messages', async () => {
    await redis.client.set(STREAMS.jobResults, 'not a stream');
    const side = await makeSide(async ({ gameId }) => replayResult(gameId));
    await store.queue(...[1, 2, 3].map((id) => ({ sourceRef: `runtime:start_jobs/${id}-0` })));
    await wake(side, 'g');
    await side.startWorkers();
    await untilFinished(3);
  });

  it('run no more at once than they may, over all their queues', async () => {
    const gate = Promise.withResolvers<void>();
    let [inside, most] = [0, 0];
    const side = await makeSide(
      async ({ gameId }) => {
        inside += 1;
        most = Math.max(most, inside);
        await gate.promise;
        inside -= 1;
        return replayResult(gameId);
      },
      { queueCount: 4 },
    );
    await store.queue(...games(30).map((gameId) => ({ gameId })));
    await wake(side, ...games(30));
    await side.startWorkers(3);
    const active = async () => {
      const counts = await Promise.all(side.dispatcher.queues.map((queue) => queue.getActiveCount()));
      return counts.reduce((sum, count) => sum + count, 0);
    };
    await eventually(async () => inside === 3 && (await active()) > 3, { what: 'more jobs than may run' });
    gate.resolve();
    await untilFinished(30);
    expect(most).to.equal(3);
  });

  it('let one slow game delay nobody but itself', async () => {
    const gate = Promise.withResolvers<void>();
    const side = await makeSide(async ({ gameId }) => {
      if (gameId === 'slow') await gate.promise;
      return replayResult(gameId);
    });
    await store.queue({ gameId: 'slow' }, { gameId: 'slow' }, ...games(20).map((gameId) => ({ gameId })));
    await wake(side, 'slow', ...games(20));
    await side.startWorkers(2);
    await untilFinished(20);
    expect(await statusOf('slow')).to.deep.equal(['running', 'queued']);
    gate.resolve();
    await untilFinished(22);
  });

  describe('give an operation that waits for its image no slot', () => {
    it('so that with a single one every other game still runs, however many wait', async () => {
      const image = Promise.withResolvers<void>();
      const side = await makeSide(
        async (operation, context) =>
          operation.gameId.startsWith('waits')
            ? WAIT_FOR_IMAGE(operation, context)
            : replayResult(operation.gameId),
        { docker: waitingDocker((waiting) => waiting(() => image.promise)) },
      );
      const waiters = games(6).map((name) => `waits-${name}`);
      await store.queue(...waiters.map((gameId) => ({ gameId })), { gameId: 'runs' });
      await wake(side, ...waiters, 'runs');
      await side.startWorkers(1);
      await untilFinished(1);
      expect(await statusOf('runs')).to.deep.equal(['finished']);
      for (const gameId of waiters) expect(await statusOf(gameId)).to.deep.equal(['running']);
      image.resolve();
      await untilFinished(7);
    });

    it('but one again when it goes on', async () => {
      const image = Promise.withResolvers<void>();
      const busy = Promise.withResolvers<void>();
      const order: string[] = [];
      const side = await makeSide(
        async (operation, { docker }) => {
          if (operation.gameId === 'waits') await docker.ensureImage(operation.imageRef as never);
          order.push(`${operation.gameId} begins`);
          if (operation.gameId === 'busy') await busy.promise;
          order.push(`${operation.gameId} ends`);
          return replayResult(operation.gameId);
        },
        { docker: waitingDocker((waiting) => waiting(() => image.promise)) },
      );
      await store.queue({ gameId: 'waits' }, { gameId: 'busy' });
      await wake(side, 'waits', 'busy');
      await side.startWorkers(1);
      await eventually(() => order.length === 1, { what: 'the other one to run' });
      image.resolve();
      busy.resolve();
      await untilFinished(2);
      expect(order).to.deep.equal(['busy begins', 'busy ends', 'waits begins', 'waits ends']);
    });

    it('and keep the rest of its game waiting behind it', async () => {
      const image = Promise.withResolvers<void>();
      let asked = 0;
      const side = await makeSide(WAIT_FOR_IMAGE, {
        docker: waitingDocker((waiting) => {
          asked += 1;
          return asked === 1 ? waiting(() => image.promise) : Promise.resolve();
        }),
      });
      await store.queue({}, {});
      await wake(side, 'g');
      await side.startWorkers(2);
      await eventually(() => asked === 1, { what: 'the first to wait' });
      // Its job has ended, so this one comes to a worker, which finds the game's turn taken.
      await wake(side, 'g');
      await eventually(async () => (await side.dispatcher.queues[0]?.count()) === 0, {
        what: 'the job to be done',
      });
      expect(await statusOf('g')).to.deep.equal(['running', 'queued']);
      image.resolve();
      await untilFinished(2);
    });

    it('and give it back to its queue when the pull fails for a shutdown', async () => {
      const side = await makeSide(WAIT_FOR_IMAGE, {
        docker: {
          forAttempt: ({ signal }: Lease, waiting: WhileWaiting) => ({
            ensureImage: () =>
              waiting(
                () =>
                  new Promise((_resolve, reject) =>
                    signal.addEventListener('abort', () => reject(signal.reason)),
                  ),
              ),
          }),
        } as unknown as Docker,
      });
      await store.queue({});
      await wake(side, 'g');
      const workers = await side.startWorkers(1);
      await eventually(async () => (await statusOf('g'))[0] === 'running', { what: 'it to wait' });
      await workers.close(10);
      expect(await statusOf('g')).to.deep.equal(['queued']);
    });
  });

  describe('let a start on its way to Docker', () => {
    /** A handler that notes how many of its kind were at work at once, at most. */
    function watchForMost(): { run: Handler; readonly most: number } {
      let [inside, most] = [0, 0];
      return {
        async run({ gameId }, { records }) {
          inside += 1;
          most = Math.max(most, inside);
          await records.get(parseGameId('another'));
          inside -= 1;
          if (gameId === 'g3') throw new RuntimeError('container_start_failed', 'an end, too');
          return replayResult(gameId);
        },
        get most() {
          return most;
        },
      };
    }

    it('one after the other, each when the one before it has ended', async () => {
      const oneAtATime = watchForMost();
      const side = await makeSide(oneAtATime.run);
      await store.queue(...games(12).map((gameId) => ({ gameId })));
      await wake(side, ...games(12));
      await side.startWorkers(8, gateForOne());
      await untilFinished(12);
      expect(oneAtATime.most).to.equal(1);
    });

    it('when the one before it waits for its image, and again one after the other when that is there', async () => {
      const image = Promise.withResolvers<void>();
      const oneAtATime = watchForMost();
      const side = await makeSide(
        async (operation, context) => {
          await context.docker.ensureImage(operation.imageRef as never);
          return oneAtATime.run(operation, context);
        },
        { docker: waitingDocker((waiting) => waiting(() => image.promise)) },
      );
      await store.queue(...games(6).map((gameId) => ({ gameId })));
      await wake(side, ...games(6));
      await side.startWorkers(8, gateForOne());
      await eventually(async () => (await store.operations()).every((row) => row.status === 'running'), {
        what: 'all to wait for their image',
      });
      image.resolve();
      await untilFinished(6);
      expect(oneAtATime.most).to.equal(1);
    });
  });

  it('let a stop pass a storm of starts that is larger than what a worker takes', async () => {
    const ran: string[] = [];
    const first = Promise.withResolvers<void>();
    const stopped = Promise.withResolvers<void>();
    const start: Handler = async ({ gameId }) => {
      ran.push(gameId);
      await (ran.length === 1 ? first : stopped).promise;
      return replayResult(gameId);
    };
    const stop: Handler = async ({ gameId }) => {
      ran.push(gameId);
      stopped.resolve();
      return replayResult(gameId);
    };
    const side = await makeSide(start, { handlers: { start, stop } });
    await store.queue(...games(12).map((gameId) => ({ gameId })), { gameId: 'stops', opKind: 'stop' });
    await wake(side, ...games(12));
    await side.startWorkers(4, gateForOne());
    await eventually(async () => (await side.dispatcher.queues[0]?.getActiveCount()) === 4, {
      what: 'the worker to have its fill',
    });
    await side.dispatcher.wake([
      { gameId: 'stops', opKind: 'stop', opSource: 'lobby_stream', imageRef: null },
    ]);
    first.resolve();
    await untilFinished(13);
    expect(ran.indexOf('stops')).to.equal(2);
  });

  describe('that stop', () => {
    it('hand over at once what waits for its way to Docker', async () => {
      const gate = Promise.withResolvers<void>();
      const side = await makeSide(async ({ gameId }) => {
        await gate.promise;
        return replayResult(gameId);
      });
      await store.queue({ gameId: 'runs' }, ...games(3).map((gameId) => ({ gameId })));
      await wake(side, 'runs');
      const workers = await side.startWorkers(8, gateForOne());
      await eventually(async () => (await statusOf('runs'))[0] === 'running', { what: 'the first to run' });
      await wake(side, ...games(3));
      await eventually(async () => (await side.dispatcher.queues[0]?.getActiveCount()) === 4, {
        what: 'the others to wait',
      });
      const closed = workers.close(60_000);
      await eventually(async () => (await side.dispatcher.queues[0]?.getActiveCount()) === 1, {
        what: 'the others to be given back',
      });
      gate.resolve();
      await closed;
      expect(await statusOf('runs')).to.deep.equal(['finished']);
      for (const gameId of games(3)) expect(await statusOf(gameId)).to.deep.equal(['queued']);
    });

    it('let what runs end, and take nothing more', async () => {
      const gate = Promise.withResolvers<void>();
      const side = await makeSide(async ({ gameId }) => {
        await gate.promise;
        return replayResult(gameId);
      });
      await store.queue({ gameId: 'runs' }, { gameId: 'waits' });
      await wake(side, 'runs', 'waits');
      const workers = await side.startWorkers(1);
      await eventually(async () => (await statusOf('runs'))[0] === 'running', { what: 'the first to run' });
      const closed = workers.close(10_000);
      gate.resolve();
      await closed;
      expect([await statusOf('runs'), await statusOf('waits')]).to.deep.equal([['finished'], ['queued']]);
    });

    it('hand over what does not end in time, and another replica runs it at once', async () => {
      const stopping = await makeSide(
        (_operation, { signal }) =>
          new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
        { leaseMs: 60_000 },
      );
      const other = await makeSide(async ({ gameId }) => replayResult(gameId));
      const names = games(6);
      await store.queue(...names.map((gameId) => ({ gameId })));
      await wake(stopping, ...names);
      const workers = await stopping.startWorkers(3);
      await eventually(
        async () => (await store.operations()).filter((row) => row.status === 'running').length === 3,
        {
          what: 'three to run',
        },
      );
      await other.startWorkers(3);
      const startMs = performance.now();
      await workers.close(50);
      await untilFinished(6);
      // Not after the lease, nor after the jobs were found stalled: they were given back.
      expect(performance.now() - startMs).to.be.lessThan(4_000);
      expect((await store.operations()).map((row) => row.outcome)).to.deep.equal(Array(6).fill('success'));
    });
  });

  it('survive a PostgreSQL that is away when a job comes; the sweep brings the game back', async () => {
    const proxy = await makePostgresProxy(store.dsn);
    try {
      const side = await makeSide(async ({ gameId }) => replayResult(gameId), { postgresThrough: proxy });
      await side.startWorkers();
      await store.queue({});
      await store.rows("update rtmanager.operation_log set accepted_at = now() - interval '1 minute'");
      await proxy.close();
      await wake(side, 'g');
      await eventually(() => side.log.lines.some((line) => line.level === 'error'), {
        what: 'the job to fail',
      });
      await proxy.open();
      await eventually(() => side.repair().then(() => true), { what: 'a sweep' });
      await untilFinished(1);
    } finally {
      await proxy.close();
    }
  });

  it('do not wait for a Redis that is away to show what became of a job', async () => {
    const proxy = await makeTcpProxy({ target: parseAddr(redis.addr) });
    try {
      const image = Promise.withResolvers<void>();
      const side = await makeSide(WAIT_FOR_IMAGE, {
        redisThrough: proxy,
        docker: waitingDocker((waiting) => waiting(() => image.promise)),
      });
      await store.queue({});
      await wake(side, 'g');
      await side.startWorkers(1);
      await eventually(async () => (await side.dispatcher.queues[0]?.getCompletedCount()) === 1, {
        what: 'the job to end early',
      });
      await proxy.close();
      image.resolve();
      await untilFinished(1);
      const given = 'Redis does not answer; a job does not show what became of it';
      await eventually(() => side.log.lines.some((line) => line.message === given), {
        what: 'the job to be given up',
        timeoutMs: 6_000,
      });
      await proxy.open();
      await eventually(() => side.dispatcher.queues[0]?.count().then(() => true), { what: 'Redis' });
      await side[Symbol.asyncDispose]();
    } finally {
      await proxy.close();
    }
  });

  it('take a game again whose operation was left by a replica that died', async () => {
    const dead = await makeSide(() => new Promise(() => {}), { leaseMs: 300 });
    await store.queue({});
    void dead.run('g');
    await eventually(async () => (await statusOf('g'))[0] === 'running', { what: 'it to run' });
    dead.leases.close();
    const other = await makeSide(async ({ gameId }) => replayResult(gameId));
    await other.startWorkers();
    await eventually(
      async () => {
        await other.repair();
        return (await statusOf('g'))[0] === 'finished';
      },
      { what: 'another replica to finish it' },
    );
    expect((await store.operations())[0]).to.include({ attempt: 2, outcome: 'success' });
  });
});
