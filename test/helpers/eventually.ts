import { setTimeout as delay } from 'node:timers/promises';

/** How long to wait, and for what. */
export interface EventuallyOptions {
  /** Completes the sentence "waited 5000 ms for …". */
  readonly what: string;
  readonly timeoutMs?: number;
  readonly intervalMs?: number;
}

type Nothing = undefined | null | false;

/**
 * Asks again until the answer is something (not `undefined`, `null` or `false`), and returns it.
 *
 * A call that throws counts as "not yet"; the last such error is the cause of the one thrown in the end. So
 * assertions can stand inside: `eventually(async () => { expect(await rows()).to.have.length(1); return true; }, …)`.
 */
export async function eventually<T>(
  ask: () => Promise<T | Nothing> | T | Nothing,
  { what, timeoutMs = 10_000, intervalMs = 25 }: EventuallyOptions,
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  let cause: unknown;
  do {
    try {
      const answer = await ask();
      if (answer !== undefined && answer !== null && answer !== false) return answer;
      cause = undefined;
    } catch (error) {
      cause = error;
    }
    await delay(intervalMs);
  } while (performance.now() < deadline);
  const detail = cause instanceof Error ? `: ${cause.message}` : '';
  throw new Error(`waited ${timeoutMs} ms for ${what}${detail}`, { cause });
}
