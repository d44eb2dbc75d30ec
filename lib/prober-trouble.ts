/** All games of one round of probes. */
export interface ProbedFleet {
  readonly probed: number;
  /** Those whose last probe failed. */
  readonly failing: number;
}

/** Of fewer games each counts for itself: half of them may well fail at once. */
export const LEAST_FLEET = 10;

/**
 * Whether so many games fail at once that it must be the prober: its network, its host, its Docker (spec, section 5;
 * failure-modes.md, row 17).
 */
export const isProberTrouble = ({ probed, failing }: ProbedFleet): boolean =>
  probed >= LEAST_FLEET && failing * 2 > probed;
