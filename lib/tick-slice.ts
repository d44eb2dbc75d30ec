/**
 * A round over all games is spread over its interval: each tick of it looks at one slice of them, picked by the hash of
 * their ids. So one game is looked at every interval, always at the same phase, and no two moments differ much in load.
 */

/** How a round is cut. */
export interface Round {
  /** From tick to tick, milliseconds. */
  readonly sliceMs: number;
  readonly slices: number;
}

/** The games of a slice: those whose `hashtext`, a signed number of 32 bits, lies in it, ends included. */
export interface HashRange {
  readonly from: number;
  readonly to: number;
}

/** About so far apart, so that nothing waits much longer than its interval, and a tick has few games. */
const TICK_MS = 1_000;
const HASHES = 2 ** 32;
const LOWEST_HASH = -(2 ** 31);

/** A round with about a tick a second; so many whole ticks fit into the interval. */
export function planRound(intervalMs: number): Round {
  const slices = Math.max(1, Math.round(intervalMs / TICK_MS));
  return { slices, sliceMs: Math.max(1, Math.floor(intervalMs / slices)) };
}

/**
 * The slice of the tick that is due at this time, epoch milliseconds. Ticks that follow each other do slices that follow
 * each other, whatever is missed.
 */
export function sliceAt({ sliceMs, slices }: Round, dueAtMs: number): HashRange {
  const turn = Math.floor(dueAtMs / sliceMs) % slices;
  const startOf = (slice: number): number => LOWEST_HASH + Math.floor((slice * HASHES) / slices);
  return { from: startOf(turn), to: startOf(turn + 1) - 1 };
}
