/** What Redis has refused lately on any connection of this replica although it takes writes. */
export interface RedisRefusals {
  note(error: Error): void;
  /** Throws the last refusal while it is recent. */
  assertNone(): void;
}

/** The pump and the repair sweep try again every few seconds, and Redis would have refused them again. */
const RECENT_MS = 10_000;

export function makeRedisRefusals(now: () => number = () => performance.now()): RedisRefusals {
  let last: { readonly error: Error; readonly atMs: number } | undefined;
  return {
    note(error) {
      last = { error, atMs: now() };
    },
    assertNone() {
      if (last && now() - last.atMs < RECENT_MS) throw last.error;
    },
  };
}
