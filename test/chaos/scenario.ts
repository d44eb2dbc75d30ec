import type { Violation } from './invariants.ts';

/** How much a scenario does: `short` as a part of `npm test`, `full` as a part of `npm run chaos`. */
export type Size = 'short' | 'full';

/** One line of the table in docs/reliability.md. */
export interface ChaosFigures {
  /** What was killed, paused or broken, and where. */
  readonly what: string;
  /** How often. */
  readonly times: number;
  /** Requests that were made meanwhile. */
  readonly requests: number;
  readonly violations: readonly Violation[];
  /** From each blow to the end of the work that it interrupted, milliseconds; empty where nothing has to recover. */
  readonly recoveryMs: readonly number[];
}

export type Keep = (figures: readonly ChaosFigures[]) => void;

/** A way to break what RTM runs on, and a look at what is left. */
export interface Scenario {
  /** Of its file, and as `npm run chaos` takes it. */
  readonly name: string;
  /** As a heading says it. */
  readonly title: string;
  /**
   * Brings everything it needs and takes it away again. Progress goes to `say`. One that takes hours hands lines that
   * are complete to `keep`, so that a run which is cut short was not for nothing; they are in the answer as well.
   */
  run(size: Size, say: (progress: string) => void, keep?: Keep): Promise<readonly ChaosFigures[]>;
}
