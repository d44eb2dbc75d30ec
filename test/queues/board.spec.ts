import { expect } from 'chai';
import type { Handlers } from '../../handlers/types.ts';
import type { Docker } from '../../lib/docker/docker.ts';
import type { WhileWaiting } from '../../lib/docker/image-store.ts';
import { RuntimeError } from '../../lib/errors.ts';
import type { Lease } from '../../lib/lease.ts';
import type { NewOperation } from '../../sql/accept-operations.ts';
import { findHeads } from '../../sql/operation-log.ts';
import { startBoard, type TestBoard } from '../helpers/board.ts';
import { eventually } from '../helpers/eventually.ts';
import { makeQueueSide, type QueueSide } from '../helpers/queue-side.ts';
import { makeRedis, type TestRedis } from '../helpers/redis.ts';
import { replayResult } from '../helpers/results.ts';
import { makeStore, type Store } from '../helpers/store.ts';
import { makePostgresProxy } from '../helpers/tcp-proxy.ts';

const NO_IMAGE = new RuntimeError(
  'image_pull_failed',
  'Image engine:1 could not be pulled; it does not exist',
);
const LIFECYCLE = 'lifecycle-0';

describe('the queue board', () => {
  let store: Store;
  let redis: TestRedis;
  let stack: AsyncDisposableStack;
  let side: QueueSide;
  let board: TestBoard;

  before(async () => {
    store = await makeStore();
    redis = await makeRedis();
  });
  after(async () => {
    await redis?.release();
    await store?.destroy();
  });
  beforeEach(() => {
    stack = new AsyncDisposableStack();
  });
  afterEach(async () => {
    await stack.disposeAsync();
    await redis.client.flushdb();
    await store.clear();
  });

  /** Repair stays away unless a test asks for it: what is seen here is not its doing. */
  async function start(
    handlers: Partial<Handlers>,
    options: Partial<Parameters<typeof makeQueueSide>[0]> & { repairEveryMs?: number } = {},
  ) {
    const { repairEveryMs = 600_000, ...given } = options;
    side = stack.use(await makeQueueSide({ store, redis, queueCount: 1, handlers, ...given }));
    board = stack.use(await startBoard({ side, redis, repairEveryMs }));
  }
  /** Queues a request and tells the queues, as the pump does. */
  async function accept(request: Partial<NewOperation> = {}): Promise<void> {
    await store.queue(request);
    await side.dispatcher.wake(await findHeads(side.db, [request.gameId ?? 'g']));
  }
  const untilFinished = (count: number) =>
    eventually(
      async () => (await store.operations()).filter((row) => row.status === 'finished').length === count,
      { what: `${count} finished operations` },
    );
  const jobsOf = (status: string, count: number) =>
    eventually(
      async () => {
        const { jobs } = await board.queue(LIFECYCLE, status);
        return jobs.length === count && jobs;
      },
      { what: `${count} ${status} jobs` },
    );
  const fail = async () => {
    throw NO_IMAGE;
  };
  const succeed: Handlers['start'] = async ({ gameId }) => replayResult(gameId);

  describe('shows of a job', () => {
    it('its kind, game, image, source and outcome', async () => {
      await start({ start: succeed });
      await side.startWorkers();
      await accept({ opSource: 'admin_rest' });
      const [job] = await jobsOf('completed', 1);
      expect([job?.name, job?.data]).to.deep.equal([
        'start',
        { game_id: 'g', op_kind: 'start', op_source: 'admin_rest', image_ref: 'engine:1' },
      ]);
      const [row] = await store.operations();
      expect(job?.returnValue).to.include({ result: 'success', operation_id: row?.operation_id });
    });

    it('what really ran, although it was added for something else', async () => {
      await start({ stop: succeed });
      await store.queue({ opKind: 'stop', opSource: 'gm_rest', imageRef: null, reason: 'finished' });
      await side.dispatcher.wake([
        { gameId: 'g', opKind: 'start', opSource: 'lobby_stream', imageRef: 'engine:1' },
      ]);
      await side.startWorkers();
      const [job] = await jobsOf('completed', 1);
      expect([job?.name, job?.data]).to.deep.equal([
        'stop',
        { game_id: 'g', op_kind: 'stop', op_source: 'gm_rest', image_ref: '' },
      ]);
    });

    it('why it failed, in a sentence and nowhere with a stack', async () => {
      await start({ start: fail });
      await side.startWorkers();
      await accept();
      const [job] = await jobsOf('failed', 1);
      const sentence = 'image_pull_failed: Image engine:1 could not be pulled; it does not exist';
      expect(job).to.deep.include({ name: 'start', failedReason: sentence, stacktrace: [sentence] });
      expect((await store.operations())[0]).to.include({
        outcome: 'failure',
        error_code: 'image_pull_failed',
      });
    });

    it('what became of it after it had ended early to wait for its image', async () => {
      const image = Promise.withResolvers<void>();
      const docker = {
        forAttempt: (_lease: Lease, waiting: WhileWaiting) => ({
          ensureImage: () => waiting(() => image.promise),
        }),
      } as unknown as Docker;
      await start(
        {
          start: async (operation, context) => {
            await context.docker.ensureImage(operation.imageRef as never);
            throw NO_IMAGE;
          },
        },
        { docker },
      );
      await side.startWorkers();
      await accept();
      const [job] = await jobsOf('completed', 1);
      expect(job?.returnValue).to.deep.equal({ result: 'waiting for its image' });
      image.resolve();
      await untilFinished(1);
      const [row] = await store.operations();
      await eventually(
        async () => {
          const { text } = await board.ask('GET', `/queues/${LIFECYCLE}/${job?.id}/logs`);
          expect(text).to.include(`failure: image_pull_failed: ${NO_IMAGE.message}`);
          expect(text).to.include(row?.operation_id);
          const [shown] = await jobsOf('completed', 1);
          expect(shown?.data).to.deep.include({
            op_kind: 'start',
            outcome: `failure: image_pull_failed: ${NO_IMAGE.message} (operation ${row?.operation_id})`,
          });
          return true;
        },
        { what: 'the outcome in the log of the job' },
      );
    });

    it('that PostgreSQL was away, in a sentence', async () => {
      const proxy = await makePostgresProxy(store.dsn);
      stack.defer(() => proxy.close());
      await start({ start: succeed }, { postgresThrough: proxy });
      await side.startWorkers();
      await proxy.close();
      await side.dispatcher.wake([
        { gameId: 'g', opKind: 'start', opSource: 'lobby_stream', imageRef: 'engine:1' },
      ]);
      const [job] = await jobsOf('failed', 1);
      expect(job?.failedReason).to.match(/^service_unavailable: PostgreSQL could not be reached; .*again/);
      expect(job?.stacktrace).to.deep.equal([job?.failedReason]);
      await proxy.open();
    });
  });

  describe('a failed operation, which fails its job,', () => {
    it('keeps no later operation of its game waiting, whether that came during it or after it', async () => {
      const gate = Promise.withResolvers<void>();
      const entered = Promise.withResolvers<void>();
      await start({
        start: async () => {
          entered.resolve();
          await gate.promise;
          throw NO_IMAGE;
        },
        stop: succeed,
      });
      await side.startWorkers();
      await accept();
      await entered.promise;
      // The second is accepted with a job, which BullMQ keeps until the first has ended; the third without one.
      await accept({ opKind: 'stop', imageRef: null });
      await store.queue({ opKind: 'start' });
      gate.resolve();
      await untilFinished(3);
      await jobsOf('failed', 2);
      await accept({ opKind: 'stop', imageRef: null });
      await untilFinished(4);
      expect((await store.operations()).map((row) => row.outcome)).to.deep.equal([
        'failure',
        'success',
        'failure',
        'success',
      ]);
    });

    it('is not run again by a retry, which only looks for work', async () => {
      await start({ start: fail });
      await side.startWorkers();
      await accept();
      const [job] = await jobsOf('failed', 1);
      const before = await store.world();
      expect((await board.ask('PUT', `/queues/${LIFECYCLE}/${job?.id}/retry`)).status).to.equal(204);
      const [retried] = await jobsOf('completed', 1);
      expect(retried?.returnValue).to.deep.equal({ result: 'nothing to do' });
      expect(await store.world()).to.deep.equal(before);
    });
  });

  describe('does no harm with a job that', () => {
    const added = (data: unknown, options: object = {}) =>
      board.ask('POST', `/queues/${LIFECYCLE}/add`, { name: 'start', data, options });

    for (const [what, data] of [
      ['names no game', {}],
      ['has no data', null],
      ['is a text', 'g'],
      ['has a number as its game', { game_id: 7 }],
      ['has a list as its game', { game_id: ['g'] }],
      ['leads out of the state root', { game_id: '../../etc' }],
      ['has a game of 50,000 characters', { game_id: 'g'.repeat(50_000) }],
    ] as const) {
      it(`${what}: it fails with a sentence, and games go on`, async () => {
        await start({ start: succeed });
        await side.startWorkers();
        // Past the board as well, which lets only some of them in.
        await side.dispatcher.queues[0]?.add('start', data as never, { attempts: 3 });
        const [job] = await jobsOf('failed', 1);
        expect(job?.failedReason).to.match(/^invalid_request: game_id .{1,120} names no game/);
        expect(job?.stacktrace).to.deep.equal([job?.failedReason]);
        await accept();
        await untilFinished(1);
      });
    }

    it('names a game that there is none of: there is nothing to do', async () => {
      await start({ start: succeed });
      await side.startWorkers();
      expect((await added({ game_id: 'nobody' })).status).to.equal(200);
      const [job] = await jobsOf('completed', 1);
      expect(job?.returnValue).to.deep.equal({ result: 'nothing to do' });
      expect(await store.operations()).to.deep.equal([]);
    });

    it('takes the place of a game and is delayed for an hour: the sweep brings the game its own', async () => {
      await start({ start: succeed }, { repairEveryMs: 200 });
      const deduplication = { id: 'g', keepLastIfActive: true };
      await side.dispatcher.queues[0]?.add('start', { game_id: 'g' } as never, {
        deduplication,
        delay: 3_600_000,
      });
      await side.startWorkers();
      await accept();
      await untilFinished(1);
    });

    it('is a tick that there is no schedule for', async () => {
      await start({ start: succeed });
      await board.schedules.add('conquer the world', {});
      const failed = await eventually(async () => (await board.queue('schedules', 'failed')).jobs[0], {
        what: 'the tick to fail',
      });
      expect(failed.failedReason).to.match(/^not_found: .*no schedule named "conquer the world"/);
    });
  });

  describe('refuses what would delay games and outlast the click', () => {
    it('limits, and edits of jobs, with a sentence and without effect', async () => {
      await start({ start: succeed });
      await accept();
      const [job] = await jobsOf('prioritized', 1);
      for (const [method, path, body] of [
        ['PUT', `/queues/${LIFECYCLE}/concurrency`, { concurrency: 1 }],
        ['PUT', `/queues/${LIFECYCLE}/rate-limit`, { max: 1, duration: 3_600_000 }],
        ['PATCH', `/queues/${LIFECYCLE}/${job?.id}/delay`, { runAt: 4_102_444_800_000 }],
        ['PATCH', `/queues/${LIFECYCLE}/${job?.id}/priority`, { priority: 1_000_000 }],
        ['PATCH', `/queues/${LIFECYCLE}/${job?.id}/update-data`, { jobData: { game_id: 'other' } }],
      ] as const) {
        const answer = await board.ask(method, path, body);
        expect(answer.status, path).to.equal(405);
        expect(answer.text, path).to.match(/one slow game|one busy game|PostgreSQL|work now/);
      }
      const queue = side.dispatcher.queues[0];
      expect(await queue?.getGlobalConcurrency()).to.equal(null);
      expect(await queue?.getGlobalRateLimit()).to.equal(null);
      expect((await jobsOf('prioritized', 1))[0]?.data).to.include({ game_id: 'g' });
    });

    it('an event that Docker never sent', async () => {
      await start({ start: succeed });
      const data = { action: 'oom', container_id: 'c1', game_id: 'g', at_nanos: '1' };
      const body = { name: 'oom', data, options: {} };
      expect((await board.ask('POST', '/queues/docker-events/add', body)).status).to.equal(405);
    });

    it('anything done to the schedules', async () => {
      await start({ start: succeed });
      for (const [method, path] of [
        ['PUT', '/queues/schedules/pause'],
        ['PUT', '/queues/schedules/empty'],
        ['PUT', '/queues/schedules/obliterate'],
        ['PUT', '/queues/schedules/job-schedulers/repair/remove'],
        ['PATCH', '/queues/schedules/job-schedulers/repair'],
        ['PUT', '/queues/schedules/clean/delayed'],
        ['POST', '/queues/schedules/add'],
      ] as const) {
        const body = path.endsWith('/add')
          ? { name: 'repair', data: {}, options: {} }
          : { every: 86_400_000 };
        expect((await board.ask(method, path, body)).status, path).to.equal(405);
      }
      await board.ask('PUT', '/queues/pause');
      expect(await board.schedules.isPaused()).to.equal(false);
      expect(await side.dispatcher.queues[0]?.isPaused()).to.equal(true);
    });
  });

  it('says in the log that games wait in a queue that was left paused, and they run when it is resumed', async () => {
    await start({ start: succeed }, { repairEveryMs: 200 });
    await side.startWorkers();
    await board.ask('PUT', `/queues/${LIFECYCLE}/pause`);
    await accept();
    const line = await eventually(() => side.log.lines.find((one) => one.message.includes('paused')), {
      what: 'the warning',
    });
    expect([line.level, line.fields]).to.deep.equal(['warn', { queue: LIFECYCLE, waiting_games: 1 }]);
    expect((await board.queue(LIFECYCLE)).isPaused).to.equal(true);
    expect((await store.operations())[0]?.status).to.equal('queued');
    await board.ask('PUT', `/queues/${LIFECYCLE}/resume`);
    await untilFinished(1);
  });
});
