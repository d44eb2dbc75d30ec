import { makeSemaphore } from '../lib/semaphore.ts';

/** The way of a start from its claim to Docker. */
export interface Approach {
  /** Docker alone is waited for from now on. */
  arrived(): void;
  /** Makes room for the next one. Calling it again does nothing. */
  leave(): void;
}

/** Where nobody waits for room. */
export const UNBOUNDED: Approach = { arrived: () => undefined, leave: () => undefined };

/** Keeps starts that Docker has no use for yet from being claimed: they stay queued, and no slot is held for them. */
export interface StartGate {
  /** Waits for room on the way to Docker. */
  enter(): Promise<Approach>;
}

interface GateOptions {
  /** Starts at Docker at once: as many again are on their way to it, so that a permit given back is taken at once. */
  readonly parallelStarts: number;
  /**
   * What takes longer to arrive at Docker is held up by something of its own, as an old container that can not be removed,
   * and must not hold up others.
   */
  readonly longestApproachMs?: number;
}

const LONGEST_APPROACH_MS = 500;

export function makeStartGate({
  parallelStarts,
  longestApproachMs = LONGEST_APPROACH_MS,
}: GateOptions): StartGate {
  const seats = makeSemaphore(Math.ceil(parallelStarts / 2));
  return {
    async enter() {
      const leave = await seats.acquire();
      const timer = setTimeout(leave, longestApproachMs);
      return {
        arrived: () => clearTimeout(timer),
        leave() {
          clearTimeout(timer);
          leave();
        },
      };
    },
  };
}
