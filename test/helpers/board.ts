import type { Queue } from 'bullmq';
import { BOARD_PATH } from '../../openapi/admin.ts';
import { makeBoard } from '../../queues/board.ts';
import { type EventJobs, startEventJobs } from '../../queues/event-jobs.ts';
import { startSchedules } from '../../queues/schedules.ts';
import { PREFIX, type QueueSide } from './queue-side.ts';
import type { TestRedis } from './redis.ts';
import { connectAs } from './redis-connection.ts';
import { makeRestService, type RestService } from './rest-service.ts';

/** A job as the board shows it; the fields that tests look at. */
export interface ShownJob {
  readonly id: string;
  readonly name: string;
  readonly data: unknown;
  readonly returnValue: Record<string, unknown> | undefined;
  readonly failedReason: string | undefined;
  readonly stacktrace: readonly string[];
}

interface ShownQueue {
  readonly name: string;
  readonly isPaused: boolean;
  readonly counts: Readonly<Record<string, number>>;
  readonly jobs: readonly ShownJob[];
}

/** The board over the queues of a replica, served as RTM serves it, with the repair sweep ticking beside it. */
export interface TestBoard extends AsyncDisposable {
  readonly rest: RestService;
  readonly schedules: Queue;
  readonly events: EventJobs;
  /** Asks the board's own API, below `/api`. */
  ask(method: string, path: string, body?: unknown): Promise<{ status: number; text: string }>;
  queue(name: string, status?: string): Promise<ShownQueue>;
}

interface BoardOptions {
  readonly side: QueueSide;
  readonly redis: TestRedis;
  readonly token?: string;
  readonly repairEveryMs?: number;
  readonly handleEvent?: Parameters<typeof startEventJobs>[0]['handle'];
}

export async function startBoard(options: BoardOptions): Promise<TestBoard> {
  const { side, redis, token, repairEveryMs = 500 } = options;
  await using stack = new AsyncDisposableStack();
  const workerConnection = stack.adopt(await connectAs(redis, { role: 'queue' }), (one) => one.disconnect());
  const schedules = stack.adopt(
    startSchedules({
      connection: side.redis,
      workerConnection,
      prefix: PREFIX,
      leaseMs: 5_000,
      log: side.log,
      schedules: [{ name: 'repair', everyMs: repairEveryMs, run: () => side.repair() }],
    }),
    (one) => one.close(),
  );
  const events = stack.adopt(
    startEventJobs({
      connection: side.redis,
      workerConnection,
      prefix: PREFIX,
      handle: options.handleEvent ?? (async () => 'done'),
      leaseMs: 5_000,
      log: side.log,
    }),
    (one) => one.close(),
  );
  const board = makeBoard({
    basePath: BOARD_PATH,
    lifecycle: side.dispatcher.queues,
    events: events.queue,
    schedules: schedules.queue,
    log: side.log,
  });
  const rest = stack.adopt(
    await makeRestService({ db: side.db, board, ...(token === undefined ? {} : { token }) }),
    (one) => one.close(),
  );
  const opened = stack.move();

  const ask: TestBoard['ask'] = async (method, path, body) => {
    const answer = await fetch(`${rest.url}${BOARD_PATH}/api${path}`, {
      method,
      headers: {
        'content-type': 'application/json',
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: answer.status, text: await answer.text() };
  };
  return {
    rest,
    schedules: schedules.queue,
    events,
    ask,
    async queue(name, status = 'latest') {
      const { text } = await ask(
        'GET',
        `/queues?activeQueue=${name}&status=${status}&jobsPerPage=100&page=1`,
      );
      const { queues } = JSON.parse(text) as { queues: ShownQueue[] };
      const found = queues.find((queue) => queue.name === name);
      if (!found) throw new Error(`the board shows no queue ${name}: ${text}`);
      return found;
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}
