import { randomInt } from 'node:crypto';
import type { Parameters, RunDetails } from 'fast-check';
import fc from 'fast-check';
import type { Violation } from '../invariants.ts';

/**
 * From `RTM_FUZZ_SEED`: the seed of all that is generated, and behind a slash which part is to be played, and the path
 * to one case of it, as a failure prints them. Drawn anew without it.
 */
const [seed = '', onlyPart, path] = (process.env.RTM_FUZZ_SEED ?? '').split('/');
export const FUZZ_SEED = seed === '' ? randomInt(2 ** 31) : Number(seed);

/** Whether this part is to be played: all are, unless a failure of another one is replayed. */
export const isPlayed = (part: string): boolean => onlyPart === undefined || onlyPart === part;

/** So much is generated of one part at most, and so long it may take: a case that fails is slow to shrink. */
export interface Extent {
  readonly cases: number;
  readonly longestMs: number;
}

/** What fast-check goes by in one part. */
export const runsOf = (numRuns: number, { longestMs }: Extent): Parameters<unknown> => ({
  seed: FUZZ_SEED,
  numRuns,
  interruptAfterTimeLimit: longestMs,
  markInterruptAsFailure: true,
  ...(path ? { path, numRuns: 1, endOnFailure: true } : {}),
});

/** The smallest case that failed, and how to play it again; nothing where none did. */
export function failureIn<T>(part: string, details: RunDetails<T>): readonly Violation[] {
  if (!details.failed) return [];
  const { counterexample, counterexamplePath, errorInstance } = details;
  const why =
    errorInstance instanceof Error ? errorInstance.message : String(errorInstance ?? 'it took too long');
  const replay = [FUZZ_SEED, part, counterexamplePath ?? ''].join('/');
  return [
    {
      kind: 'answer',
      what: `${why}\nsmallest case: ${fc.stringify(counterexample)}\nreplay it with RTM_FUZZ_SEED=${replay}`,
    },
  ];
}
