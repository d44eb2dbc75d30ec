import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { startReplica } from '../replica.ts';
import { makeRequests } from '../requests.ts';
import { printTable } from '../statistics.ts';
import type { RoundTrips } from './count-round-trips.ts';
import { inWorld, ON_ITS_CORE, OTHER_CORES, WARM_UP_GAMES } from './flood.ts';

const COUNTER = fileURLToPath(new URL('./count-round-trips.ts', import.meta.url));
const SINGLE_GAMES = 40;
const SETTLE_MS = 3_000;

/** What a replica asks of PostgreSQL and Redis, by what it asks. */
export const countRoundTrips = (games: number): Promise<void> =>
  inWorld(OTHER_CORES, async ({ variables, redis }) => {
    const requests = makeRequests(redis);
    await using replica = await startReplica(variables, {
      prefix: ON_ITS_CORE,
      flags: ['--import', COUNTER],
    });
    const take = async (): Promise<RoundTrips> => {
      const answer = once(replica.process, 'message');
      replica.process.send('count');
      return (await answer)[0];
    };
    await requests.flood(WARM_UP_GAMES);
    for (const [name, load] of [
      ['as fast as they go', () => requests.flood(games)],
      ['one at a time', () => requests.oneByOne(SINGLE_GAMES)],
    ] as const) {
      // What is left of the load before.
      await delay(SETTLE_MS);
      await take();
      const { count } = await load();
      const { postgres, redis: redisTrips } = await take();
      for (const [store, trips] of Object.entries({ PostgreSQL: postgres, Redis: redisTrips })) {
        const all = Object.entries(trips).sort(([, left], [, right]) => right - left);
        const total = all.reduce((sum, [, times]) => sum + times, 0);
        printTable([
          [`${store}, round trips an operation, ${name}`, (total / count).toFixed(2)],
          ...all
            .filter(([, times]) => times / count >= 0.02)
            .map(([what, times]) => [`  ${what}`, (times / count).toFixed(2)]),
        ]);
      }
    }
  });
