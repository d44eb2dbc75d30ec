/** Timers that go off when a test says so. */
export interface FakeTimers {
  /** Lets time pass. */
  tick(ms: number): void;
  /** Gives the real ones back. */
  restore(): void;
}

/** What code under test may do with a timer. */
interface FakeTimer {
  refresh(): FakeTimer;
  unref(): FakeTimer;
}

/** Replaces the global `setTimeout` and `clearTimeout`. Those of `node:test` can not be refreshed. */
export function useFakeTimers(): FakeTimers {
  const { setTimeout: realSet, clearTimeout: realClear } = globalThis;
  const timers = new Map<FakeTimer, { atMs: number; fire: () => void }>();
  let nowMs = 0;

  const set = (callback: (...args: unknown[]) => void, ms = 0, ...args: unknown[]): FakeTimer => {
    const arm = (): FakeTimer => {
      timers.set(timer, { atMs: nowMs + ms, fire: () => callback(...args) });
      return timer;
    };
    const timer: FakeTimer = { refresh: arm, unref: () => timer };
    return arm();
  };
  const clear = (timer: FakeTimer): void => void timers.delete(timer);
  Object.assign(globalThis, { setTimeout: set, clearTimeout: clear });
  return {
    tick(ms) {
      const untilMs = nowMs + ms;
      for (;;) {
        const due = [...timers].filter(([, { atMs }]) => atMs <= untilMs);
        const [next] = due.toSorted(([, one], [, other]) => one.atMs - other.atMs);
        if (!next) break;
        const [timer, { atMs, fire }] = next;
        timers.delete(timer);
        nowMs = atMs;
        fire();
      }
      nowMs = untilMs;
    },
    restore: () => void Object.assign(globalThis, { setTimeout: realSet, clearTimeout: realClear }),
  };
}
