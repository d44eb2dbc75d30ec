import { DelayedError, type Job, Queue, Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import { z } from 'zod';
import { CONTAINER_ACTIONS, type ContainerEvent } from '../lib/docker/container-events.ts';
import type { Logger } from '../lib/logger.ts';
import { logErrors } from './log-errors.ts';
import { QUEUE_OPTIONS } from './queue-options.ts';
import { failedJob } from './shown-outcome.ts';
import { BOOKKEEPING_MS, within } from './within.ts';
import { workerLiveness } from './worker-liveness.ts';

/** An event as its job carries it, for people to read too. */
const eventData = z.strictObject({
  action: z.enum(CONTAINER_ACTIONS),
  container_id: z.string(),
  game_id: z.string(),
  /** Text, because it is more than a number can hold. */
  at_nanos: z.string().regex(/^\d+$/),
  /** Of a `die`. */
  exit_code: z.int().optional(),
});

export interface EventJobs {
  readonly queue: Queue;
  /** Rejects when Redis does not take it. The same event, also of another replica, is one job. */
  add(event: ContainerEvent): Promise<void>;
  close(): Promise<void>;
}

interface EventJobsDeps {
  /** Fails fast; used to add. */
  connection: Redis;
  /** Waits; used by the worker. */
  workerConnection: Redis;
  prefix: string;
  handle: (event: ContainerEvent) => Promise<'done' | 'busy'>;
  leaseMs: number;
  log: Logger;
}

/** Events in hand at once; each is a query or two. */
const CONCURRENCY = 16;
/** A delay that is longer than this by the host's clock is none of RTM's. */
const PROMOTE_EVERY_MS = 5_000;
/** How soon an event is looked at again that could not be settled yet. */
const AGAIN_MS = 1_000;
/** An event that could not be settled for so long is given up: passes over all games have long seen what it was about. */
const GIVE_UP_MS = 3_600_000;
/** Kept jobs are what copies of an event are known by: longer than events are replayed after a break. */
const KEPT = { removeOnComplete: { age: 3_600, count: 10_000 }, removeOnFail: { age: 86_400, count: 1_000 } };

/**
 * Events of Docker as jobs. Every replica hears each event; its job is named after container, action and the daemon's
 * time, so one replica handles it and nobody has to be leader.
 */
export function startEventJobs(deps: EventJobsDeps): EventJobs {
  const { connection, prefix, log } = deps;
  const queue = new Queue('docker-events', { connection, prefix, ...QUEUE_OPTIONS });
  const worker = new Worker('docker-events', run, {
    connection: deps.workerConnection,
    prefix,
    concurrency: CONCURRENCY,
    ...workerLiveness(deps.leaseMs),
  });
  for (const source of [queue, worker]) logErrors(source, log);
  // BullMQ dates a delay by the host's clock: one that is set back, or another replica's that is ahead, makes it long.
  const promoting = setInterval(() => {
    promoteLate().catch((error: unknown) => log.debug('delayed events could not be looked at', { error }));
  }, PROMOTE_EVERY_MS);
  async function promoteLate(): Promise<void> {
    for (const job of await queue.getDelayed(0, CONCURRENCY - 1)) {
      if (job.timestamp + job.delay - Date.now() > PROMOTE_EVERY_MS) await job.promote();
    }
  }

  async function run(job: Job, token?: string): Promise<void> {
    const event = eventOf(job.data);
    if ((await handled(event)) === 'done') return;
    if (Date.now() - job.timestamp > GIVE_UP_MS) {
      throw failedJob(
        'service_unavailable: the event could not be settled for an hour; reconcile has taken over',
      );
    }
    await job.moveToDelayed(Date.now() + AGAIN_MS, token);
    throw new DelayedError();
  }

  /** What fails is looked at again like what is busy: an event is not dropped because PostgreSQL was away. */
  async function handled(event: ContainerEvent): Promise<'done' | 'busy'> {
    try {
      return await deps.handle(event);
    } catch (error) {
      log.warn('an event of Docker could not be handled yet', { ...dataOf(event), error });
      return 'busy';
    }
  }

  return {
    queue,
    async add(event) {
      const { action, containerId, atNanos } = event;
      await queue.add(action, dataOf(event), { ...KEPT, jobId: `${containerId}-${action}-${atNanos}` });
    },
    async close() {
      clearInterval(promoting);
      await within(Promise.all([worker.close(), queue.close()]), BOOKKEEPING_MS);
    },
  };
}

const dataOf = ({
  action,
  containerId,
  gameId,
  atNanos,
  exitCode,
}: ContainerEvent): z.infer<typeof eventData> => ({
  action,
  container_id: containerId,
  game_id: gameId,
  at_nanos: String(atNanos),
  ...(exitCode === undefined ? {} : { exit_code: exitCode }),
});

/** A job that anybody may have added by hand with anything in it. */
function eventOf(data: unknown): ContainerEvent {
  const read = eventData.safeParse(data);
  if (!read.success)
    throw failedJob('invalid_request: this is no event of Docker; the job was not added by RTM');
  const { action, container_id, game_id, at_nanos, exit_code: exitCode } = read.data;
  return {
    action,
    containerId: container_id,
    gameId: game_id,
    atNanos: BigInt(at_nanos),
    ...(exitCode === undefined ? {} : { exitCode }),
  };
}
