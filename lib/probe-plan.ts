import type { Config } from './config.ts';
import type { HashRange, Round } from './tick-slice.ts';

/**
 * How the probes of a fleet are spread over the interval. A game's phase is a hash of its id, so every replica knows
 * it without asking; the interval is cut into slices of phases, and each tick of the schedule does one of them.
 */
export interface ProbePlan extends Round {
  /** From one probe of a game to its next: the slices together. */
  readonly intervalMs: number;
  /** So long after its container's start a game's failures do not count. */
  readonly graceMs: number;
}

/** As many are still a probe in every second of the default interval. */
const MOST_SLICES = 15;
/** More ticks a second would be work for Redis and for nobody else. */
const SHORTEST_SLICE_MS = 200;
/** An engine is up within a second, on a host where everything starts at once within a few. */
const LEAST_GRACE_MS = 5_000;

/** @param probe intervals down to 200 ms are kept to the millisecond or so; a shorter one is taken for that */
export function planProbes({ intervalMs, timeoutMs }: Config['probe']): ProbePlan {
  // A tick ends with the last of its probes: slices much shorter than these would be many ticks at once.
  const shortestMs = Math.max(SHORTEST_SLICE_MS, timeoutMs / 2);
  const slices = Math.max(1, Math.min(MOST_SLICES, Math.floor(intervalMs / shortestMs)));
  const sliceMs = Math.max(SHORTEST_SLICE_MS, Math.round(intervalMs / slices));
  return {
    sliceMs,
    slices,
    intervalMs: sliceMs * slices,
    graceMs: Math.max(LEAST_GRACE_MS, intervalMs, timeoutMs),
  };
}

/** How long after the begin of its slice a game has its turn. */
export function offsetMs({ sliceMs }: ProbePlan, { from, to }: HashRange, phase: number): number {
  return ((phase - from) / (to - from + 1)) * sliceMs;
}

/**
 * Whether a container is too young for its failures to count. One whose start lies further ahead than that was started
 * by a clock that is wrong, and has no grace.
 */
export const isInGrace = ({ graceMs }: ProbePlan, startedAtMs: number | null, nowMs: number): boolean =>
  startedAtMs !== null && Math.abs(nowMs - startedAtMs) < graceMs;
