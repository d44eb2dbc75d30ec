import { randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { type Job, type JobType, Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Logger } from '../lib/logger.ts';
import type { OpKind, OpSource } from '../lib/operation.ts';
import type { WaitingGame } from '../sql/operation-log.ts';
import { logErrors } from './log-errors.ts';
import { makePausedWarning } from './paused-warning.ts';
import { QUEUE_OPTIONS } from './queue-options.ts';
import { BOOKKEEPING_MS, within } from './within.ts';

/** What a lifecycle job says to people; to the runner it only means: this game has work. */
export interface LifecycleJob {
  readonly game_id: string;
  readonly op_kind: OpKind;
  readonly op_source: OpSource;
  /** Empty where the operation has none. */
  readonly image_ref: string;
  /** Of an operation that went on after its job had ended. */
  readonly outcome?: string;
}

export interface Dispatcher {
  readonly queues: readonly Queue<LifecycleJob>[];
  /**
   * Sees to it that each game has a live job. A game whose job is active gets another one when that ends.
   * Rejects when Redis does not take the jobs; the repair sweep then brings them.
   */
  wake(games: readonly WaitingGame[]): Promise<void>;
  /**
   * As `wake` for games without an active job, and looks whether the job that Redis deduplicates by is really there: Redis
   * may have lost it.
   */
  revive(games: readonly WaitingGame[]): Promise<void>;
  close(): Promise<void>;
}

type LifecycleQueue = Queue<LifecycleJob>;

/** A game that has a job already. */
interface Found {
  readonly game: WaitingGame;
  readonly live: Job<LifecycleJob>;
  readonly jobId: string;
}

interface DispatchOptions {
  /** A connection that fails fast; it stays the caller's to close. */
  connection: Redis;
  /** First part of every key. */
  prefix: string;
  /** Number of lifecycle queues. */
  queueCount: number;
  log: Logger;
}

/** Jobs kept for people to look at. */
const KEPT_JOBS = {
  removeOnComplete: { count: 500, age: 3_600 },
  removeOnFail: { count: 1_000, age: 86_400 },
};

export const lifecycleQueueName = (index: number): string => `lifecycle-${index}`;

/**
 * BullMQ takes jobs without a priority first, and of the others the lowest. Starts come in storms, and those that a worker has
 * taken wait for Docker: whatever else is asked for passes them. What RTM finds to do itself may be a whole fleet at once,
 * and waits for whatever anybody asks for.
 */
const PRIORITIES = { request: 0, start: 1, ownFinding: 2 };
const priorityOf = ({ opKind, opSource }: WaitingGame): number => {
  if (isOwnFinding(opSource)) return PRIORITIES.ownFinding;
  return opKind === 'start' ? PRIORITIES.start : PRIORITIES.request;
};
const isOwnFinding = (source: OpSource): boolean => source === 'auto_reconcile' || source === 'auto_ttl';

/** The same queue for a game always, whichever replica asks. */
const queueIndex = (gameId: string, queueCount: number): number => crc32(gameId) % queueCount;

export function makeDispatcher({ connection, prefix, queueCount, log }: DispatchOptions): Dispatcher {
  const queues = Array.from(
    { length: queueCount },
    (_, index) =>
      new Queue<LifecycleJob>(lifecycleQueueName(index), { connection, prefix, ...QUEUE_OPTIONS }),
  );
  for (const queue of queues) logErrors(queue, log);
  const warnIfPaused = makePausedWarning(log);

  async function perQueue(
    games: readonly WaitingGame[],
    act: (queue: LifecycleQueue, batch: readonly WaitingGame[]) => Promise<unknown>,
  ): Promise<void> {
    const batches = Map.groupBy(games, (game) => queueIndex(game.gameId, queueCount));
    await Promise.all(
      [...batches].map(async ([index, batch]) => {
        const queue = queues[index];
        if (queue) await act(queue, batch);
      }),
    );
  }

  /** Gives each game a job, and returns the games that Redis says have one already, with its id. */
  async function add(queue: LifecycleQueue, batch: readonly WaitingGame[]): Promise<Found[]> {
    const made = batch.map((game) => ({ game, job: makeJob(game) }));
    const added = await addJobs(
      queue,
      made.map(({ job }) => job),
    );
    const found = made.flatMap(({ game, job }, index) => {
      const live = added[index];
      return live?.id && live.id !== job.opts.jobId ? [{ game, live, jobId: live.id }] : [];
    });
    // The job may wait further behind than what the game is asked for now: its own repair, say, or a start that is to be
    // stopped.
    const waiting = await prioritiesOf(queue, found);
    await Promise.all(
      found.map(async ({ game, live }, index) => {
        const priority = priorityOf(game);
        // Changing it costs a job its place among its like.
        if ((waiting[index] ?? 0) > priority) await live.changePriority({ priority });
      }),
    );
    return found;
  }

  /**
   * The priority in which each of the jobs waits, 0 where it has none or waits no more. The library's own question for a job's
   * state goes through all that wait.
   */
  async function prioritiesOf(queue: LifecycleQueue, found: readonly Found[]): Promise<number[]> {
    if (found.length === 0) return [];
    const pipeline = connection.pipeline();
    for (const { jobId } of found) pipeline.zscore(queue.toKey('prioritized'), jobId);
    return ((await pipeline.exec()) ?? []).map(([error, score]) => {
      if (error) throw error;
      return Math.floor(Number(score ?? 0) / SCORES_OF_A_PRIORITY);
    });
  }
  const wake: Dispatcher['wake'] = (games) => perQueue(games, add);

  return {
    queues,
    wake,
    async revive(games) {
      await perQueue(games, warnIfPaused);
      const stale: WaitingGame[] = [];
      await perQueue(games, async (queue, batch) => {
        const active = new Set((await queue.getRanges(['active'], 0, -1)).map(gameOfJobId));
        // A run under way claims whatever its game's head is then. A job to follow it would hold the game's next request up.
        const idle = batch.filter(({ gameId }) => !active.has(gameId));
        if (idle.length === 0) return;
        const found = await add(queue, idle);
        if (found.length === 0) return;
        const live = new Set(await queue.getRanges(LIVE_LISTS, 0, -1));
        for (const { game, jobId } of found) {
          // Those that are missing may have ended since.
          if (live.has(jobId) || (await isLive(queue, game.gameId))) continue;
          await queue.removeDeduplicationKey(game.gameId);
          stale.push(game);
        }
      });
      if (stale.length === 0) return;
      log.warn('Redis lost the jobs of games, they get new ones', { count: stale.length });
      await wake(stale);
    },
    async close() {
      await within(Promise.all(queues.map((queue) => queue.close())), BOOKKEEPING_MS);
    },
  };
}

/** BullMQ keeps jobs with a priority by a score of this times the priority, and their order of coming. */
const SCORES_OF_A_PRIORITY = 2 ** 32;

/** Not `delayed`: RTM delays none, and one that somebody added by hand would take the game's place until then. */
const LIVE = ['waiting', 'active', 'prioritized'];
/** Where their ids stand. */
const LIVE_LISTS: JobType[] = ['wait', 'active', 'prioritized'];

/** False when the game's deduplication key stands for a job that will not run now. */
async function isLive(queue: LifecycleQueue, gameId: string): Promise<boolean> {
  const jobId = await queue.getDeduplicationJobId(gameId);
  return jobId === null || LIVE.includes(await queue.getJobState(jobId));
}

/** One alone goes without the transaction that several are added in, which costs more than the job. */
async function addJobs(queue: LifecycleQueue, jobs: readonly ReturnType<typeof makeJob>[]): Promise<Job[]> {
  const [first, ...others] = jobs;
  if (!first || others.length > 0) return queue.addBulk([...jobs]);
  return [await queue.add(first.name, first.data, first.opts)];
}

/** A job id that Redis still keeps, even completed, silently swallows an add: so never the same twice. */
const jobIdOf = (gameId: string): string => `${gameId}_${randomBytes(6).toString('hex')}`;
const gameOfJobId = (jobId: string): string => jobId.slice(0, Math.max(0, jobId.lastIndexOf('_')));

function makeJob(game: WaitingGame) {
  const { gameId, opKind, opSource, imageRef } = game;
  return {
    name: opKind,
    data: { game_id: gameId, op_kind: opKind, op_source: opSource, image_ref: imageRef ?? '' },
    opts: {
      ...KEPT_JOBS,
      priority: priorityOf(game),
      jobId: jobIdOf(gameId),
      // keepLastIfActive: a wake-up that arrives while the job runs is not lost but follows it.
      deduplication: { id: gameId, keepLastIfActive: true },
    },
  };
}
