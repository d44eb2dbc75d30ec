import { setTimeout as sleep } from 'node:timers/promises';
import { Queue, Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import { showValue } from '../lib/contracts/show-value.ts';
import type { Logger } from '../lib/logger.ts';
import { logErrors } from './log-errors.ts';
import { QUEUE_OPTIONS } from './queue-options.ts';
import { failedJob } from './shown-outcome.ts';
import { BOOKKEEPING_MS, within } from './within.ts';
import { workerLiveness } from './worker-liveness.ts';

/** Work that is done every so often, by whichever replica the tick falls to. A slow tick may meet the next one. */
export interface Schedule {
  readonly name: string;
  readonly everyMs: number;
  readonly run: (tick: Tick) => Promise<unknown>;
}

export interface Tick {
  /** When it was to be: by the schedule a multiple of `everyMs` since the epoch, otherwise when it was asked for. */
  readonly dueAtMs: number;
  /** Aborts when the replica shuts down. */
  readonly signal: AbortSignal;
}

export interface Schedules {
  readonly queue: Queue;
  /**
   * Has one of the replicas do the work of a schedule as soon as it can, after what is under way of it; asked for by
   * several at once, it is done once. Rejects when Redis is away.
   */
  runSoon(name: string): Promise<void>;
  close(): Promise<void>;
}

interface SchedulesDeps {
  /** Fails fast; used to put the schedules up. */
  connection: Redis;
  /** Waits; used by the worker. */
  workerConnection: Redis;
  prefix: string;
  schedules: readonly Schedule[];
  leaseMs: number;
  log: Logger;
}

/** A Redis that lost its data lost the schedules too: each replica looks so often whether they are there. */
const WATCH_MS = 5_000;
/**
 * A tick that waits for a time limit meets the next ones of its schedule; those of the others must not wait for it. So
 * beyond this number a replica leaves ticks of a schedule out.
 */
const TICKS_AT_ONCE = 4;
const KEPT_TICKS = { removeOnComplete: { count: 100 }, removeOnFail: { count: 100 } };

/** Puts the schedules up and runs their ticks as they fall to this replica. */
export function startSchedules(deps: SchedulesDeps): Schedules {
  const { connection, prefix, schedules, log } = deps;
  const closing = new AbortController();
  const queue = new Queue('schedules', { connection, prefix, ...QUEUE_OPTIONS });
  const byName = new Map(schedules.map((schedule) => [schedule.name, schedule]));
  const underWay = new Map<string, number>();
  const worker = new Worker(
    'schedules',
    async (job) => {
      const dueAtMs = job.timestamp + (job.opts.delay ?? 0);
      await runTick(scheduleOf(job.name), { dueAtMs, signal: closing.signal });
    },
    {
      connection: deps.workerConnection,
      prefix,
      concurrency: schedules.length * TICKS_AT_ONCE,
      ...workerLiveness(deps.leaseMs),
    },
  );
  for (const source of [queue, worker]) logErrors(source, log);
  worker.on('failed', (job, error) =>
    log.warn('a scheduled tick failed; the next one tries again', { tick: job?.name, error }),
  );

  function scheduleOf(name: string): Schedule {
    const schedule = byName.get(name);
    if (!schedule) throw failedJob(`not_found: this version has no schedule named ${showValue(name)}`);
    return schedule;
  }

  /** A schedule whose ticks all hang leaves the next ones out: the places of the others are not for it. */
  async function runTick({ name, run }: Schedule, tick: Tick): Promise<void> {
    const others = underWay.get(name) ?? 0;
    if (others === TICKS_AT_ONCE) {
      log.warn('a scheduled tick is left out: too many of its schedule are under way', { tick: name });
      return;
    }
    underWay.set(name, others + 1);
    try {
      await run(tick);
    } finally {
      underWay.set(name, (underWay.get(name) ?? 1) - 1);
    }
  }

  const watching = watch();

  async function watch(): Promise<void> {
    while (!closing.signal.aborted) {
      try {
        for (const schedule of schedules) await putUp(schedule);
      } catch (error) {
        log.debug('schedules could not be looked at', { error });
      }
      await sleep(WATCH_MS, undefined, { signal: closing.signal }).catch(() => {});
    }
  }

  async function putUp({ name, everyMs }: Schedule): Promise<void> {
    const known = await queue.getJobScheduler(name);
    // Left alone when it is as it should be: putting it up again would move its next tick.
    if (known?.every === everyMs && (known.next ?? 0) > Date.now() - LATE_MS) return;
    await queue.upsertJobScheduler(name, { every: everyMs }, { name, opts: KEPT_TICKS });
  }

  return {
    queue,
    async runSoon(name) {
      await queue.add(name, undefined, {
        ...KEPT_TICKS,
        deduplication: { id: `soon-${name}`, keepLastIfActive: true },
      });
    },
    async close() {
      closing.abort();
      // All of it: on a Redis that was never there, looking at the schedules does not end either.
      await within(Promise.all([watching, worker.close(), queue.close()]), BOOKKEEPING_MS);
    },
  };
}

/** A schedule whose tick is overdue by more than this has lost its job and is put up anew. */
const LATE_MS = 10_000;
