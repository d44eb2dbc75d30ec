import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { startReplica } from '../replica.ts';
import { type Answered, makeRequests } from '../requests.ts';
import { inWorld, ON_ITS_CORE, OTHER_CORES, WARM_UP_GAMES } from './flood.ts';

const SINGLE_GAMES = 100;
const SETTLE_MS = 3_000;

interface Load<Order, Answer> {
  readonly name: string;
  readonly run: () => Promise<Answered>;
  /** Says something to what is loaded into the replica, and waits for its answer. */
  readonly tell: (order: Order) => Promise<Answer>;
}

/**
 * Looks into a replica on a core of its own under one load after the other, by what is loaded into it before its own code.
 *
 * @param games of the load that goes as fast as it can
 */
export const underEachLoad = <Order extends string | object, Answer>(
  { preload, games }: { readonly preload: string; readonly games: number },
  look: (load: Load<Order, Answer>) => Promise<void>,
): Promise<void> =>
  inWorld(OTHER_CORES, async ({ variables, redis }) => {
    const requests = makeRequests(redis);
    await using replica = await startReplica(variables, {
      prefix: ON_ITS_CORE,
      flags: ['--import', preload],
    });
    const tell = async (order: Order): Promise<Answer> => {
      const answer = once(replica.process, 'message');
      replica.process.send(order);
      return (await answer)[0];
    };
    await requests.flood(WARM_UP_GAMES);
    for (const [name, run] of [
      ['as fast as they go', () => requests.flood(games)],
      ['one at a time', () => requests.oneByOne(SINGLE_GAMES)],
    ] as const) {
      // What is left of the load before.
      await delay(SETTLE_MS);
      await look({ name, run, tell });
    }
  });
