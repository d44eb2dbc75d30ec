import type { Queue } from 'bullmq';
import type { Logger } from '../lib/logger.ts';

/** A queue stays paused until an operator resumes it; it is told once in so long. */
const QUIET_MS = 30_000;

/** Makes a check that says so in the log when games wait in a queue that somebody paused. */
export function makePausedWarning(log: Logger): (queue: Queue, waiting: readonly unknown[]) => Promise<void> {
  const quietUntilMs = new Map<string, number>();
  return async (queue, waiting) => {
    if (performance.now() < (quietUntilMs.get(queue.name) ?? 0) || !(await queue.isPaused())) return;
    log.warn('a queue is paused while games wait in it; resume it on /admin/queues', {
      queue: queue.name,
      waiting_games: waiting.length,
    });
    quietUntilMs.set(queue.name, performance.now() + QUIET_MS);
  };
}
