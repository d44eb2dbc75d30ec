import type { Logger } from '../lib/logger.ts';

/** What BullMQ's queues and workers have in common here. */
interface ErrorSource {
  readonly name: string;
  on(event: 'error', listener: (error: Error) => void): unknown;
}

/** An outage makes each of them fail several times a second; it is told once in so long. */
const QUIET_MS = 30_000;

/** Logs the errors of a queue or worker, the first at once and then a line with their number now and then. */
export function logErrors(source: ErrorSource, log: Logger): void {
  let quietUntilMs = 0;
  let untold = 0;
  source.on('error', (error) => {
    untold += 1;
    if (performance.now() < quietUntilMs) return;
    log.warn('queue trouble; BullMQ goes on when Redis answers', {
      queue: source.name,
      error,
      count: untold,
    });
    quietUntilMs = performance.now() + QUIET_MS;
    untold = 0;
  });
}
