/** Draws that the same seed makes again. */
export interface Draw {
  readonly seed: number;
  /** So many of them, or all, in any order. */
  sample<T>(all: readonly T[], count: number): T[];
}

/** The seed is RTM_CHAOS_SEED, or another one each time. */
export function makeDraw(
  seed = Number(process.env.RTM_CHAOS_SEED ?? Math.floor(Math.random() * 2 ** 32)),
): Draw {
  let state = seed >>> 0;
  /** Mulberry32: enough to pick with, and five lines. */
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
  return {
    seed,
    sample: (all, count) =>
      all
        .map((one) => ({ one, place: next() }))
        .toSorted((left, right) => left.place - right.place)
        .slice(0, count)
        .map(({ one }) => one),
  };
}
