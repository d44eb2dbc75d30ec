import { type Lease, LeaseLostError, ShutdownError } from '../../lib/lease.ts';

/** A lease whose end the test decides. */
export interface FakeLease extends Lease {
  /** Somebody else has it: the signal aborts. */
  lose(): void;
  /** It has run out by the local clock and nobody has noticed yet: the signal is still quiet. */
  runOut(): void;
  /** The replica stops. */
  shutDown(): void;
}

export function makeFakeLease(): FakeLease {
  const controller = new AbortController();
  let over = false;
  return {
    signal: controller.signal,
    assertHeld() {
      controller.signal.throwIfAborted();
      if (over) throw new LeaseLostError('operation-1');
    },
    lose: () => controller.abort(new LeaseLostError('operation-1')),
    runOut: () => {
      over = true;
    },
    shutDown: () => controller.abort(new ShutdownError()),
  };
}
