import { setImmediate as turn } from 'node:timers/promises';
import { expect } from 'chai';
import fc from 'fast-check';
import type { Handler, Handlers } from '../../handlers/types.ts';
import type { Docker } from '../../lib/docker/docker.ts';
import type { WhileWaiting } from '../../lib/docker/image-store.ts';
import { RuntimeError } from '../../lib/errors.ts';
import type { Lease } from '../../lib/lease.ts';
import { startBoard, type TestBoard } from '../helpers/board.ts';
import { eventually } from '../helpers/eventually.ts';
import { makeQueueSide, type QueueSide } from '../helpers/queue-side.ts';
import { makeRedis, type TestRedis } from '../helpers/redis.ts';
import { replayResult } from '../helpers/results.ts';
import { makeStore, type Store } from '../helpers/store.ts';

const GAMES = ['a', 'b', 'c', 'd', 'e'];
const QUEUES = ['lifecycle-0', 'lifecycle-1'];

/** A 500 is how the board itself refuses to promote a job that is not delayed, and to remove one that runs. */
const BOARD_BREAKS = /\/(promote|clean)$/;

const gameId = fc.constantFrom(...GAMES);
const queue = fc.constantFrom(...QUEUES);
const action = fc.oneof(
  { weight: 12, arbitrary: fc.record({ do: fc.constant('accept' as const), gameId, woken: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('image' as const) }) },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constantFrom('retry' as const, 'clean' as const, 'promote' as const),
      queue,
      status: fc.constantFrom('completed', 'failed', 'waiting', 'prioritized', 'active', 'latest'),
      nth: fc.nat(20),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('put' as const),
      queue,
      path: fc.constantFrom(
        'retry/failed',
        'retry/completed',
        'clean/completed',
        'clean/failed',
        'clean/wait',
        'clean/active',
        'clean/delayed',
        'promote',
        'empty',
        'pause',
        'resume',
      ),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('obliterate' as const),
      queue,
      force: fc.boolean(),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('add' as const),
      queue,
      data: fc.oneof(
        gameId.map((id) => ({ game_id: id, op_kind: 'stop' })),
        fc.constantFrom({}, { game_id: 'nobody' }, { game_id: 5 }, { game_id: null }),
      ),
      options: fc.oneof(
        fc.constant({}),
        fc.record({ lifo: fc.boolean(), attempts: fc.integer({ min: 1, max: 3 }) }),
        gameId.map((id) => ({ deduplication: { id, keepLastIfActive: true }, delay: 3_600_000 })),
        gameId.map((id) => ({ jobId: `${id}_0123456789ab`, priority: 3 })),
      ),
    }),
  },
);
type Action = typeof action extends fc.Arbitrary<infer One> ? One : never;

describe('whatever people do on the queue board', () => {
  let store: Store;
  let redis: TestRedis;
  let taken = 0;

  before(async () => {
    store = await makeStore();
    redis = await makeRedis();
  });
  after(async () => {
    await redis?.release();
    await store?.destroy();
  });
  afterEach(async () => {
    await redis.client.flushdb();
    await store.clear();
  });

  for (const seed of [1, 20_261_121, Date.now() % 1_000_000]) {
    it(`every operation of every game ends once and in its order (seed ${seed})`, async function () {
      this.timeout(90_000);
      await using stack = new AsyncDisposableStack();
      const games = playGames();
      const makeSide = async (name: string) =>
        stack.use(
          await makeQueueSide({
            store,
            redis,
            name,
            queueCount: QUEUES.length,
            handlers: { start: games.handler, stop: games.handler } as Partial<Handlers>,
            docker: games.docker,
          }),
        );
      const [one, two] = [await makeSide('one'), await makeSide('two')];
      const board = stack.use(await startBoard({ side: one, redis }));
      await one.startWorkers(3);
      await two.startWorkers(3);
      // Nobody else ends the waiting when an expectation fails, and workers close only after it.
      stack.defer(games.endWaiting);

      const finished = new Map<unknown, unknown>();
      const look = async () => {
        for (const row of await store.operations()) {
          if (row.status !== 'finished') continue;
          expect(row).to.deep.equal(finished.get(row.operation_id) ?? row);
          finished.set(row.operation_id, row);
        }
      };
      let accepted = 0;
      taken = 0;
      for (const next of fc.sample(action, { seed, numRuns: 150 })) {
        if (next.do === 'accept') accepted += 1;
        await perform(next, { board, side: two, image: games.image, number: accepted });
        await look();
      }
      // A pause is somebody's will, and lasts until somebody wills otherwise. Nothing else is done from here on.
      await board.ask('PUT', '/queues/resume');
      games.endWaiting();
      await eventually(async () => (await store.operations()).every((row) => row.status === 'finished'), {
        what: 'all operations to end',
        timeoutMs: 30_000,
      });
      await look();

      expect(taken, 'clicks that did something').to.be.above(20);
      const rows = await store.operations();
      expect(rows).to.have.length(accepted);
      expect(rows.filter((row) => row.outcome === null)).to.deep.equal([]);
      expect(games.overlaps).to.deep.equal([]);
      for (const id of GAMES) {
        const order = rows.filter((row) => row.game_id === id).map((row) => row.operation_id);
        expect(
          games.ran.filter((run) => run.gameId === id).map((run) => run.operationId),
          id,
        ).to.deep.equal(order);
      }

      // Once more all that the queues still know, and nothing comes of it.
      await quiet(board);
      const world = await store.world();
      for (const name of QUEUES) {
        for (const status of ['failed', 'completed']) {
          expect((await board.ask('PUT', `/queues/${name}/retry/${status}`)).status).to.equal(200);
        }
      }
      await quiet(board);
      expect(await store.world()).to.deep.equal(world);
      expect(games.ran).to.have.length(accepted);
    });
  }

  interface Stage {
    board: TestBoard;
    side: QueueSide;
    image: () => void;
    /** Of the operation that is accepted next. */
    number: number;
  }

  async function perform(next: Action, { board, side, image, number }: Stage): Promise<void> {
    switch (next.do) {
      case 'accept': {
        const opKind = number % 3 === 0 ? ('stop' as const) : ('start' as const);
        const imageRef = ['engine:1', 'engine:fails', 'engine:waits', 'engine:2'][number % 4] ?? '';
        const sourceRef = `runtime:${opKind}_jobs/${number}-0`;
        await store.queue({ gameId: next.gameId, opKind, imageRef, sourceRef });
        const head = { gameId: next.gameId, opKind, opSource: 'lobby_stream' as const, imageRef };
        if (next.woken) await side.dispatcher.wake([head]);
        return;
      }
      case 'image':
        return image();
      case 'retry':
      case 'clean':
      case 'promote': {
        const { jobs } = await board.queue(next.queue, next.status);
        const job = jobs[next.nth % Math.max(jobs.length, 1)];
        if (job) await click(board, 'PUT', `/queues/${next.queue}/${encodeURIComponent(job.id)}/${next.do}`);
        return;
      }
      case 'put':
        return click(board, 'PUT', `/queues/${next.queue}/${next.path}`);
      case 'obliterate':
        await click(board, 'PUT', `/queues/${next.queue}/pause`);
        await click(board, 'PUT', `/queues/${next.queue}/obliterate`, { force: next.force });
        return click(board, 'PUT', `/queues/${next.queue}/resume`);
      case 'add': {
        const { data, options } = next;
        return click(board, 'POST', `/queues/${next.queue}/add`, { name: 'by hand', data, options });
      }
    }
  }

  /** A refusal will do, such as that a job is gone meanwhile. */
  async function click(board: TestBoard, method: string, path: string, body?: unknown): Promise<void> {
    const { status, text } = await board.ask(method, path, body);
    expect(status, `${path}: ${text}`).to.be.within(200, BOARD_BREAKS.test(path) ? 500 : 499);
    if (status < 300) taken += 1;
  }

  const quiet = (board: TestBoard) =>
    eventually(
      async () => {
        const queues = await Promise.all(QUEUES.map((name) => board.queue(name)));
        return queues.every(
          ({ counts }) => counts.active === 0 && counts.waiting === 0 && counts.prioritized === 0,
        );
      },
      { what: 'the queues to be empty' },
    );
});

/** Handlers that succeed, fail or wait for an image as the operation's image says, and note what ran when. */
function playGames() {
  const ran: { gameId: string; operationId: string }[] = [];
  const overlaps: string[] = [];
  const inside = new Set<string>();
  let waiters: (() => void)[] = [];
  let ending = false;
  const handler: Handler = async ({ gameId, operationId, imageRef }, { docker, records }) => {
    if (inside.has(gameId)) overlaps.push(operationId);
    inside.add(gameId);
    ran.push({ gameId, operationId });
    try {
      await records.get(gameId as never);
      await turn();
      if (imageRef === 'engine:fails') throw new RuntimeError('image_pull_failed', 'No such image');
      if (imageRef === 'engine:waits') await docker.ensureImage(imageRef as never);
      return replayResult(gameId);
    } finally {
      inside.delete(gameId);
    }
  };
  const docker = {
    forAttempt: (_lease: Lease, waiting: WhileWaiting) => ({
      ensureImage: () =>
        waiting(() => new Promise<void>((resolve) => (ending ? resolve() : void waiters.push(resolve)))),
    }),
  } as unknown as Docker;
  return {
    ran,
    overlaps,
    handler,
    docker,
    /** Lets the operation go on that has waited for its image longest. */
    image: () => waiters.shift()?.(),
    endWaiting() {
      ending = true;
      for (const resolve of waiters) resolve();
      waiters = [];
    },
  };
}
