import { setTimeout as sleep } from 'node:timers/promises';

/** Waits; ends early with the signal, which is no failure. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(ms, undefined, { signal });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
