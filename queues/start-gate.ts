import { makeSemaphore } from '../lib/semaphore.ts';

/** The way of one start from its claim until Docker has done with it. */
export interface Approach {
  /** Waits for room on the way; goes without when `signal` aborts. Again after `leave`, for a start that had to wait elsewhere. */
  enter(signal: AbortSignal): Promise<void>;
  /** Nothing of the replica's own holds it up from now on. */
  setOff(): void;
  /** It waits for nothing but Docker. */
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
  /** Starts that may be claimed and not yet be through with Docker. */
  readonly room: number;
  /**
   * What takes longer to arrive at Docker is held up by something of its own, as an old container that can not be removed,
   * and must not hold up others.
   */
  readonly longestApproachMs?: number;
}

const LONGEST_APPROACH_MS = 500;

/** Half as many as may be at Docker are on their way to it, so that a permit given back is taken at once. */
export const roomFor = (parallelStarts: number): number => Math.ceil(1.5 * parallelStarts);

export function makeStartGate({ room, longestApproachMs = LONGEST_APPROACH_MS }: GateOptions): StartGate {
  const seats = makeSemaphore(room);
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
            giveBack = await seats.acquire(signal);
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
