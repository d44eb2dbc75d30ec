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
  /** When it was to be, by the clock of `SchedulesDeps`, epoch milliseconds. */
  readonly dueAtMs: number;
  /** The number of the run, which picks the part of the work: two runs after each other have two numbers after each other. */
  readonly turnMs: number;
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
  /** The clock that ticks are dated by, epoch milliseconds. */
  now?: () => number;
  /** The clock of this host, which BullMQ goes by; it may step. */
  hostNow?: () => number;
}

/** A Redis that lost its data lost the schedules too: each replica looks so often whether they are there, and go on. */
const WATCH_MS = 2_000;
/** A host's clock that moves so much between two looks was set. */
const STEP_MS = 1_000;
/**
 * A tick that waits for a time limit meets the next ones of its schedule; those of the others must not wait for it. So
 * beyond this number a replica leaves ticks of a schedule out.
 */
const TICKS_AT_ONCE = 4;
const KEPT_TICKS = { removeOnComplete: { count: 100 }, removeOnFail: { count: 100 } };

/** Puts the schedules up and runs their ticks as they fall to this replica. */
export function startSchedules(deps: SchedulesDeps): Schedules {
  const { connection, prefix, schedules, log, now = Date.now, hostNow = () => Date.now() } = deps;
  const closing = new AbortController();
  const queue = new Queue('schedules', { connection, prefix, ...QUEUE_OPTIONS });
  const byName = new Map(schedules.map((schedule) => [schedule.name, schedule]));
  const underWay = new Map<string, number>();
  const worker = new Worker(
    'schedules',
    async (job) => {
      const turnMs = job.timestamp + (job.opts.delay ?? 0);
      const schedule = scheduleOf(job.name);
      await runTick(schedule, { dueAtMs: dueAt(turnMs, schedule), turnMs, signal: closing.signal });
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

  /**
   * The moment of a tick that some replica dated by its own host's clock. The same for each run of one tick, where the
   * hosts agree; else the present.
   */
  function dueAt(turnMs: number, { everyMs }: Schedule): number {
    const aheadMs = turnMs - hostNow();
    if (Math.abs(aheadMs) > everyMs + LATE_MS) return Math.round(now());
    return Math.round((now() + aheadMs) / DUE_GRID_MS) * DUE_GRID_MS;
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

  /** The next tick of each schedule as it was seen last, and since when, by the monotonic clock. */
  const seen = new Map<string, { readonly next: number; readonly sinceMs: number }>();
  const watching = watch();

  async function watch(): Promise<void> {
    let driftMs = hostNow() - performance.now();
    while (!closing.signal.aborted) {
      const nowDriftMs = hostNow() - performance.now();
      const wasSet = Math.abs(nowDriftMs - driftMs) > STEP_MS;
      if (wasSet)
        log.warn('the clock of this host was set; schedules go on', {
          by_ms: Math.round(nowDriftMs - driftMs),
        });
      driftMs = nowDriftMs;
      try {
        for (const schedule of schedules) await putUp(schedule, wasSet);
      } catch (error) {
        log.debug('schedules could not be looked at', { error });
      }
      await sleep(WATCH_MS, undefined, { signal: closing.signal }).catch(() => {});
    }
  }

  /**
   * Puts a schedule up that is not there, or stands still. BullMQ dates its next tick by the clock of the replica that
   * ran the last one: if that clock was ahead, or was set back since, the tick never comes. So a schedule counts as
   * standing still when its next tick stays the same for longer than its interval, by the monotonic clock.
   */
  async function putUp({ name, everyMs }: Schedule, wasSet: boolean): Promise<void> {
    const known = await queue.getJobScheduler(name);
    const next = known?.next ?? 0;
    const before = seen.get(name);
    const sinceMs = before?.next === next ? before.sinceMs : performance.now();
    seen.set(name, { next, sinceMs });
    const isStuck = performance.now() - sinceMs > everyMs + LATE_MS || (wasSet && next > hostNow() + everyMs);
    if (known?.every === everyMs && !isStuck) return;
    // Removed first: an interval that stays the same would keep the next tick.
    if (isStuck) await queue.removeJobScheduler(name);
    await queue.upsertJobScheduler(name, { every: everyMs }, { name, opts: KEPT_TICKS });
    seen.delete(name);
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

/** A schedule whose tick is overdue by more than this stands still. */
const LATE_MS = 3_000;
/** Two runs of one tick have one date, although the clocks are read anew. */
const DUE_GRID_MS = 100;
