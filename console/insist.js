import { ApiError } from './api.js';

/** A service that is restarted is back by then. */
const PATIENCE_MS = 60_000;
const PAUSE_MS = 1_000;
/** What the service says while a store of it is away, and what a proxy says in its place. */
const PASSING = [502, 503, 504];

/**
 * Asks, and again for a minute while the service can not be reached: what is asked for must be one thing however often it
 * arrives.
 *
 * @template T
 * @param {() => Promise<T>} ask
 * @param {() => void} onTrouble called whenever there was no answer, and it is asked again
 * @returns {Promise<T>} rejects with the last failure
 */
export async function insist(ask, onTrouble) {
  const startedMs = performance.now();
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (!mayPass(error) || performance.now() - startedMs >= PATIENCE_MS) throw error;
    }
    onTrouble();
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}

/**
 * Whether nothing was answered about what was asked for: `fetch` tells of a connection that failed by a TypeError. A
 * failure of an operation names it, and is its end.
 *
 * @param {unknown} error
 */
export const mayPass = (error) =>
  error instanceof ApiError
    ? PASSING.includes(error.status) && error.operationId === null
    : error instanceof TypeError;
