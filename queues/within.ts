import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Waits for `work`, `timeoutMs` at most; false when it took longer. For what has no limit of its own, such as BullMQ's
 * bookkeeping, and of which nothing is lost when it is left to itself.
 */
export async function within(work: Promise<unknown>, timeoutMs: number): Promise<boolean> {
  const timer = new AbortController();
  try {
    const late = sleep(timeoutMs, false, { signal: timer.signal });
    return await Promise.race([work.then(() => true), late]);
  } finally {
    timer.abort();
  }
}

/** How long closing waits for BullMQ's bookkeeping once no work is under way any more. */
export const BOOKKEEPING_MS = 2_000;
