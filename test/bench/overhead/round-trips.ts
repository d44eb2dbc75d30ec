import { fileURLToPath } from 'node:url';
import { printTable } from '../statistics.ts';
import type { RoundTrips } from './count-round-trips.ts';
import { underEachLoad } from './each-load.ts';

const COUNTER = fileURLToPath(new URL('./count-round-trips.ts', import.meta.url));

/** What a replica asks of PostgreSQL and Redis, by what it asks. */
export const countRoundTrips = (games: number): Promise<void> =>
  underEachLoad<'count', RoundTrips>({ preload: COUNTER, games }, async ({ name, run, tell }) => {
    await tell('count');
    const { count } = await run();
    const { postgres, redis } = await tell('count');
    for (const [store, trips] of Object.entries({ PostgreSQL: postgres, Redis: redis })) {
      const all = Object.entries(trips).sort(([, left], [, right]) => right - left);
      const total = all.reduce((sum, [, times]) => sum + times, 0);
      printTable([
        [`${store}, round trips an operation, ${name}`, (total / count).toFixed(2)],
        ...all
          .filter(([, times]) => times / count >= 0.02)
          .map(([what, times]) => [`  ${what}`, (times / count).toFixed(2)]),
      ]);
    }
  });
