/** Gives a permit back. Calling it again does nothing. */
type Release = () => void;

/** Bounds how many pieces of work go on at once; whoever waits longest goes next. */
export interface Semaphore {
  /**
   * Waits for a permit.
   *
   * @param signal gives up waiting; a permit already held is not affected
   * @returns the permit's release
   * @throws the signal's reason when it aborts first
   */
  acquire(signal?: AbortSignal): Promise<Release>;
  /** Runs `work` under a permit and releases it whatever happens. */
  run<T>(work: () => Promise<T> | T, signal?: AbortSignal): Promise<T>;
  /** Permits that nobody holds. */
  readonly free: number;
  /** Callers waiting for one. */
  readonly waiting: number;
}

/**
 * @param permits how many may be held at once, a whole number of at least 1
 * @throws RangeError for any other number: with none, everybody would wait for ever
 */
export function makeSemaphore(permits: number): Semaphore {
  if (!Number.isInteger(permits) || permits < 1)
    throw new RangeError(`${permits} permits let nobody through`);
  let free = permits;
  // A Set keeps the order of insertion and lets an aborted waiter leave from the middle.
  const waiters = new Set<() => void>();

  const makeRelease = (): Release => {
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      const [next] = waiters;
      // The permit goes from hand to hand, so that a newcomer cannot overtake the one who waits.
      if (next === undefined) free += 1;
      else next();
    };
  };

  const acquire = async (signal?: AbortSignal): Promise<Release> => {
    signal?.throwIfAborted();
    if (free > 0) {
      free -= 1;
      return makeRelease();
    }
    return new Promise<Release>((resolve, reject) => {
      const leave = (): void => {
        waiters.delete(admit);
        signal?.removeEventListener('abort', giveUp);
      };
      const admit = (): void => {
        leave();
        resolve(makeRelease());
      };
      const giveUp = (): void => {
        leave();
        reject(signal?.reason);
      };
      waiters.add(admit);
      signal?.addEventListener('abort', giveUp);
    });
  };

  return {
    acquire,
    async run(work, signal) {
      const release = await acquire(signal);
      try {
        return await work();
      } finally {
        release();
      }
    },
    get free() {
      return free;
    },
    get waiting() {
      return waiters.size;
    },
  };
}
