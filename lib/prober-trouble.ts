import type { ProbeAnswer } from './probe-result.ts';

/** All games of one round of probes. */
export interface ProbedFleet {
  readonly probed: number;
  /** Those whose last probe failed in a way that the prober may have caused. */
  readonly failing: number;
}

/** Of fewer games each counts for itself: half of them may well fail at once. */
export const LEAST_FLEET = 10;

/** Below it stand interim answers and broken successes: an engine sends those, whatever ails the prober. */
export const LEAST_SUSPECT_STATUS = 300;

/** Whether the prober, its network or its host may have caused this failure. */
export const mayBeProber = (result: ProbeAnswer): boolean =>
  result.kind === 'failed' && (result.status === null || result.status >= LEAST_SUSPECT_STATUS);

/**
 * Whether so many games fail at once that it must be the prober: its network, its host, its Docker (spec, section 5;
 * failure-modes.md, row 17).
 */
export const isProberTrouble = ({ probed, failing }: ProbedFleet): boolean =>
  probed >= LEAST_FLEET && failing * 2 > probed;
