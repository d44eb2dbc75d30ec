import { makeSemaphore } from '../lib/semaphore.ts';

/** The way of one start from its claim to Docker. */
export interface Approach {
  /** Waits for room on the way; goes without when `signal` aborts. Again after `leave`, for a start that had to wait elsewhere. */
  enter(signal: AbortSignal): Promise<void>;
  /** Nothing of the replica's own holds it up from now on. */
  setOff(): void;
  /** It waits for nothing but a permit to let Docker work. */
  arrived(): void;
  /** Makes room for the next one. Calling it again does nothing. */
  leave(): void;
}

/** For what does not pass the gate. */
export const UNBOUNDED: Approach = {
  enter: async () => undefined,
  setOff: () => undefined,
  arrived: () => undefined,
  leave: () => undefined,
};

/** Keeps starts that Docker has no use for yet from being claimed: they stay queued, and no slot is held for them. */
export interface StartGate {
  approach(): Approach;
}

interface GateOptions {
  /** Starts at Docker at once. Half as many are on their way to it, so that a permit given back is taken at once. */
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
  const room = makeSemaphore(Math.ceil(parallelStarts / 2));
  return {
    approach() {
      let giveBack = (): void => undefined;
      let timer: NodeJS.Timeout | undefined;
      const arrived = (): void => clearTimeout(timer);
      const leave = (): void => {
        arrived();
        giveBack();
      };
      return {
        async enter(signal) {
          try {
            giveBack = await room.acquire(signal);
          } catch (error) {
            if (!signal.aborted) throw error;
          }
        },
        setOff() {
          timer = setTimeout(leave, longestApproachMs);
        },
        arrived,
        leave,
      };
    },
  };
}
