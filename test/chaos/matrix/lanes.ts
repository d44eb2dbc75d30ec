import { makeSemaphore } from '../../../lib/semaphore.ts';
import type { Lane } from './lane.ts';

/** Each piece of work has a lane to itself, and waits for one. */
export interface Lanes {
  /** A lane whose work fails is taken down: nobody knows how it stands. */
  run<T>(work: (lane: Lane) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/** Lanes are made when they are first wanted, `count` at most at a time. */
export function makeLanes(make: () => Promise<Lane>, count: number): Lanes {
  const turns = makeSemaphore(count);
  const free: Lane[] = [];
  return {
    run: (work) =>
      turns.run(async () => {
        const lane = free.pop() ?? (await make());
        try {
          const done = await work(lane);
          free.push(lane);
          return done;
        } catch (error) {
          await lane[Symbol.asyncDispose]();
          throw error;
        }
      }),
    async close() {
      for (const lane of free.splice(0)) await lane[Symbol.asyncDispose]();
    },
  };
}
