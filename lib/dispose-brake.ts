import type { DriftStep, RecordedGame } from './reconcile-plan.ts';

/** What keeps a Docker daemon that shows too little from "disposing" every game (failure-modes.md, row 11). */
export interface DisposeBrake {
  /** When it is on, a pass disposes no game at all. */
  readonly on: boolean;
  readonly wouldDispose: number;
  /** Records that say running. */
  readonly running: number;
  /** Of the running ones, from 0 to 1. */
  readonly maxShare: number;
}

/** So many games may be lost at once in any fleet, however small, without somebody being asked. */
const ALWAYS_ALLOWED = 10;

/** Spec, section 5: on above ten games and above the share of all running ones, both. */
export function applyBrake(
  steps: readonly DriftStep[],
  records: readonly RecordedGame[],
  maxShare: number,
): DisposeBrake {
  const wouldDispose = steps.filter((step) => step.action === 'dispose').length;
  const running = records.filter((record) => record.status === 'running').length;
  return {
    on: wouldDispose > ALWAYS_ALLOWED && wouldDispose > maxShare * running,
    wouldDispose,
    running,
    maxShare,
  };
}
