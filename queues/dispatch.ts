import { randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Logger } from '../lib/logger.ts';
import type { WaitingGame } from '../sql/operation-log.ts';
import { logErrors } from './log-errors.ts';

/** What a lifecycle job says to people; to the runner it only means: this game has work. */
export interface LifecycleJob {
  readonly game_id: string;
  readonly image_ref: string;
}

export interface Dispatcher {
  readonly queues: readonly Queue<LifecycleJob>[];
  /**
   * Sees to it that each game has a live job. A game whose job is active gets another one when that ends.
   * Rejects when Redis does not take the jobs; the repair sweep then brings them.
   */
  wake(games: readonly WaitingGame[]): Promise<void>;
  close(): Promise<void>;
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

/** The same queue for a game always, whichever replica asks. */
const queueIndex = (gameId: string, queueCount: number): number => crc32(gameId) % queueCount;

export function makeDispatcher({ connection, prefix, queueCount, log }: DispatchOptions): Dispatcher {
  const queues = Array.from(
    { length: queueCount },
    (_, index) => new Queue<LifecycleJob>(lifecycleQueueName(index), { connection, prefix }),
  );
  for (const queue of queues) logErrors(queue, log);
  return {
    queues,
    async wake(games) {
      const batches = Map.groupBy(games, (game) => queueIndex(game.gameId, queueCount));
      await Promise.all(
        [...batches].map(([index, batch]) => queues[index]?.addBulk(batch.map((game) => makeJob(game)))),
      );
    },
    async close() {
      await Promise.all(queues.map((queue) => queue.close()));
    },
  };
}

function makeJob({ gameId, opKind, imageRef }: WaitingGame) {
  return {
    name: opKind,
    data: { game_id: gameId, image_ref: imageRef ?? '' },
    opts: {
      ...KEPT_JOBS,
      // A job id that Redis still keeps, even completed, silently swallows an add: so never the same twice.
      jobId: `${gameId}_${randomBytes(6).toString('hex')}`,
      // keepLastIfActive: a wake-up that arrives while the job runs is not lost but follows it.
      deduplication: { id: gameId, keepLastIfActive: true },
    },
  };
}
