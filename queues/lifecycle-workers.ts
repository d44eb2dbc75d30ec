import { type Job, Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import { ShutdownError } from '../lib/lease.ts';
import type { Logger } from '../lib/logger.ts';
import type { OpKind } from '../lib/operation.ts';
import { makeSemaphore } from '../lib/semaphore.ts';
import { type RunWatch, UNWATCHED, type WatchRun } from '../lib/telemetry/run-watch.ts';
import { type LifecycleJob, lifecycleQueueName } from './dispatch.ts';
import type { FollowUp } from './follow-up.ts';
import type { Place } from './handler-context.ts';
import type { LeaseKeeper } from './leases.ts';
import { logErrors } from './log-errors.ts';
import type { RunHead } from './run-operation.ts';
import type { RunReport } from './run-report.ts';
import {
  describeBreakdown,
  describeReport,
  failedJob,
  gameOf,
  reportOrFail,
  showLateOutcome,
  showOperation,
} from './shown-outcome.ts';
import { type Approach, type StartGate, UNBOUNDED } from './start-gate.ts';
import { BOOKKEEPING_MS, within } from './within.ts';
import { workerLiveness } from './worker-liveness.ts';

export interface LifecycleWorkers {
  /**
   * Takes no more work, gives what runs `timeoutMs` to end, then aborts it: it goes back to its queue for other
   * replicas.
   */
  close(timeoutMs: number): Promise<void>;
}

type LifecycleJobRun = Job<LifecycleJob, RunReport>;

const START: OpKind = 'start';

interface WorkerDeps {
  connection: Redis;
  prefix: string;
  queueCount: number;
  /** Operations at once in this replica, over all queues. */
  concurrency: number;
  /** Starts wait here for their claim; none does unless given. */
  startGate?: StartGate;
  runHead: RunHead;
  followUp: FollowUp;
  leases: LeaseKeeper;
  leaseMs: number;
  log: Logger;
  /** Looks on while an operation is run; nobody does unless given. */
  watchRun?: WatchRun;
}

/**
 * Starts one worker a queue. A job says only that its game has work; what that is, PostgreSQL decides.
 *
 * An operation that waits for a pull holds no slot: it gives back its own, and its job ends early, because a worker
 * takes no new job before one of its own has ended. The operation itself goes on, under its lease, and takes a slot
 * again when the image is there.
 *
 * A start passes the gate before it takes a slot, and nothing that holds a slot waits at the gate: so the two can not block
 * each other, and starts that wait for Docker leave the slots to everything else.
 */
export function startLifecycleWorkers(deps: WorkerDeps): LifecycleWorkers {
  const { connection, prefix, concurrency, log, watchRun = () => UNWATCHED } = deps;
  const slots = makeSemaphore(concurrency);
  const startGate: StartGate = deps.startGate ?? { approach: () => UNBOUNDED };
  const running = new Set<Promise<RunReport>>();
  const closing = new AbortController();

  async function run(
    gameId: string,
    approach: Approach,
    onWaiting: () => void,
    watch: RunWatch,
  ): Promise<RunReport> {
    let release = (): void => undefined;
    const waiting: Place['waiting'] = async (work) => {
      approach.leave();
      release();
      onWaiting();
      try {
        const found = await work();
        // Those that waited for one pull go on at one time: a storm like any other.
        await approach.enter(closing.signal);
        return found;
      } finally {
        release = await slots.acquire();
        approach.setOff();
      }
    };
    try {
      await approach.enter(closing.signal);
      // Waiting fails only because the replica begins to stop: the operation is for another one.
      const slot = await slots.acquire(closing.signal).catch(() => null);
      if (!slot) return { result: 'handed over' };
      release = slot;
      approach.setOff();
      return await deps.runHead(gameId, { waiting, approach }, watch);
    } finally {
      approach.leave();
      release();
      await watch.phase('publish', () => deps.followUp(gameId));
      watch.close();
    }
  }

  /** Runs the game's head and lets the job tell what came of it, also where that has ended already. */
  async function runAndTell(job: LifecycleJobRun, gameId: string, onWaiting: () => void): Promise<RunReport> {
    let jobEnded = false;
    const watch = watchRun({ queue: job.queueName, jobId: job.id ?? '', addedAtMs: job.timestamp });
    try {
      const endJob = (): void => {
        jobEnded = true;
        onWaiting();
      };
      // The job's name is a hint: the claim takes whatever the game's head is.
      const approach = job.name === START ? startGate.approach() : UNBOUNDED;
      const report = await run(gameId, approach, endJob, watch);
      await tellOn(job, async () => {
        await showOperation(job, report);
        if (jobEnded) await showLateOutcome(job, describeReport(report));
      });
      return report;
    } catch (error) {
      log.error('run ended without an outcome; repair brings it back', { game_id: gameId, error });
      const sentence = describeBreakdown(error);
      if (jobEnded) await tellOn(job, () => showLateOutcome(job, sentence));
      throw failedJob(sentence);
    }
  }

  async function tellOn(job: LifecycleJobRun, tell: () => Promise<unknown>): Promise<void> {
    try {
      // The worker's connection waits for a Redis that is away; the operation has its outcome and does not.
      if (await within(tell(), BOOKKEEPING_MS)) return;
      log.warn('Redis does not answer; a job does not show what became of it', { job_id: job.id });
    } catch (error) {
      log.warn('a job does not show what became of it', { job_id: job.id, error });
    }
  }

  async function runJob(job: LifecycleJobRun): Promise<RunReport> {
    const gameId = gameOf(job);
    const early = Promise.withResolvers<RunReport>();
    const whole = runAndTell(job, gameId, () => early.resolve({ result: 'waiting for its image' }));
    running.add(whole);
    const done = () => running.delete(whole);
    whole.then(done, done);
    return reportOrFail(await Promise.race([whole, early.promise]));
  }

  const workers = Array.from(
    { length: deps.queueCount },
    (_, index) =>
      new Worker<LifecycleJob, RunReport>(lifecycleQueueName(index), runJob, {
        connection,
        prefix,
        concurrency,
        ...workerLiveness(deps.leaseMs),
      }),
  );
  for (const worker of workers) logErrors(worker, log);
  async function close(timeoutMs: number): Promise<void> {
    closing.abort();
    const closed = Promise.all(workers.map((worker) => worker.close()));
    const timer = setTimeout(() => deps.leases.abortAll(new ShutdownError()), timeoutMs);
    while (running.size > 0) await Promise.allSettled(running);
    clearTimeout(timer);
    if (!(await within(closed, BOOKKEEPING_MS))) log.warn('Redis does not answer; its jobs are left to it');
  }

  let closed: Promise<void> | undefined;
  return {
    close(timeoutMs) {
      closed ??= close(timeoutMs);
      return closed;
    },
  };
}
