import { once } from 'node:events';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { CACHE_DIR } from '../../../dev/paths.ts';
import { startReplica } from '../replica.ts';
import { makeRequests } from '../requests.ts';
import { printTable } from '../statistics.ts';
import { inWorld, ON_ITS_CORE, OTHER_CORES, WARM_UP_GAMES } from './flood.ts';
import type { ProfileAnswer, ProfileOrder } from './take-cpu-profile.ts';

const PROFILER = fileURLToPath(new URL('./take-cpu-profile.ts', import.meta.url));
const SINGLE_GAMES = 100;
/** Of the time at work; what is less is told as the rest. */
const LEAST_SHARE = 0.01;

/** Whose time an operation is, on a core of the replica's own: as fast as it can, and when it comes alone. */
export const profileOne = (games: number): Promise<void> =>
  inWorld(OTHER_CORES, async ({ variables, redis }) => {
    const requests = makeRequests(redis);
    await using replica = await startReplica(variables, {
      prefix: ON_ITS_CORE,
      flags: ['--import', PROFILER],
    });
    const tell = async (order: ProfileOrder): Promise<ProfileAnswer> => {
      const answer = once(replica.process, 'message');
      replica.process.send(order);
      return (await answer)[0];
    };
    await requests.flood(WARM_UP_GAMES);
    for (const [name, load] of [
      ['as fast as they go', () => requests.flood(games)],
      ['one at a time', () => requests.oneByOne(SINGLE_GAMES)],
    ] as const) {
      await tell({ order: 'begin' });
      const { count } = await load();
      const file = path.join(CACHE_DIR, `overhead-${name.replaceAll(' ', '-')}.cpuprofile`);
      printShares(name, await tell({ order: 'end', file }), count);
    }
  });

function printShares(name: string, shares: ProfileAnswer, count: number): void {
  const atWork = shares.filter(({ owner }) => owner !== 'idle');
  const sum = (some: ProfileAnswer) => some.reduce((total, { ms }) => total + ms, 0);
  const all = sum(atWork);
  const large = atWork.filter(({ ms }) => ms / all >= LEAST_SHARE);
  const row = (owner: string, ms: number) => [
    `  ${owner}`,
    (ms / count).toFixed(3),
    `${((100 * ms) / all).toFixed(1)} %`,
  ];
  printTable([
    [`whose time an operation is, ${name}`, 'ms of the main thread', 'share'],
    ...large.map(({ owner, ms }) => row(owner, ms)),
    row('the rest', all - sum(large)),
    row('all', all),
  ]);
}
