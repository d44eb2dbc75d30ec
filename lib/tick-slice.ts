/**
 * A round over all games is spread over its interval: each tick of it looks at one slice of them, picked by the hash of
 * their ids. So one game is looked at every interval, always at the same phase, and no two moments differ much in load.
 */

/** The games of a slice: those whose `hashtext`, a signed number of 32 bits, lies in it, ends included. */
export interface HashRange {
  readonly from: number;
  readonly to: number;
}

/** About so far apart, so that nothing waits much longer than its interval, and a tick has few games. */
const TICK_MS = 1_000;
const HASHES = 2 ** 32;
const LOWEST_HASH = -(2 ** 31);

const ticksOf = (intervalMs: number): number => Math.max(1, Math.round(intervalMs / TICK_MS));

/** How far apart the ticks of a round are, milliseconds; so many whole ticks fit into the interval. */
export const tickEveryMs = (intervalMs: number): number =>
  Math.max(1, Math.floor(intervalMs / ticksOf(intervalMs)));

/** The slice of the tick that is due at this time, epoch milliseconds. */
export function sliceAt(intervalMs: number, dueAtMs: number): HashRange {
  const ticks = ticksOf(intervalMs);
  const turn = Math.floor(dueAtMs / tickEveryMs(intervalMs)) % ticks;
  const startOf = (slice: number): number => LOWEST_HASH + Math.floor((slice * HASHES) / ticks);
  return { from: startOf(turn), to: startOf(turn + 1) - 1 };
}
