import { isRefusal } from './map-error.ts';

/** What PostgreSQL has refused lately although it answers: a question that neither writes nor needs its tables does not find that out. */
export interface Refusals {
  /** To be told of every query that failed. */
  note(error: unknown): void;
  /** Throws the last of them, as long as it is not old. */
  assertNone(): void;
}

/** Whoever was refused has tried again by then, and would have been refused again. */
const RECENT_MS = 10_000;

export function makeRefusals(now: () => number = () => performance.now()): Refusals {
  let last: { readonly error: unknown; readonly atMs: number } | undefined;
  return {
    note(error) {
      if (isRefusal(error)) last = { error, atMs: now() };
    },
    assertNone() {
      if (last && now() - last.atMs < RECENT_MS) throw last.error;
    },
  };
}
