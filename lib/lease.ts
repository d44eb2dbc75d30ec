/** The attempt no longer holds its operation: another one may run it, and this one must not act any more. */
export class LeaseLostError extends Error {
  constructor(operationId: string) {
    super(`The lease of operation ${operationId} is over`);
    this.name = 'LeaseLostError';
  }
}

/** The replica is stopping: the operation goes back to the queue for another one. */
export class ShutdownError extends Error {
  constructor() {
    super('The replica is shutting down');
    this.name = 'ShutdownError';
  }
}

/** The right to act on one game, for as long as it is held. */
export interface Lease {
  /** Aborts with a LeaseLostError or a ShutdownError. */
  readonly signal: AbortSignal;
  /**
   * To be called before every step that can not be taken back. Throws LeaseLostError when, by the local clock,
   * the lease may have run out: a process that was paused must not act on what it believed before.
   */
  assertHeld(): void;
}

/** True when the attempt must stop where it is, leaving the Docker side to whoever runs the operation next. */
export function isSurrender(error: unknown): boolean {
  return error instanceof LeaseLostError || error instanceof ShutdownError;
}
