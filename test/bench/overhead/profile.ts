import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { CACHE_DIR } from '../../../dev/paths.ts';
import { printTable } from '../statistics.ts';
import { underEachLoad } from './each-load.ts';
import type { ProfileAnswer, ProfileOrder } from './take-cpu-profile.ts';

const PROFILER = fileURLToPath(new URL('./take-cpu-profile.ts', import.meta.url));
/** Of the time at work; what is less is told as the rest. */
const LEAST_SHARE = 0.01;

/** Whose time an operation is: as fast as they go, and when it comes alone. */
export const profileOne = (games: number): Promise<void> =>
  underEachLoad<ProfileOrder, ProfileAnswer>({ preload: PROFILER, games }, async ({ name, run, tell }) => {
    await tell({ order: 'begin' });
    const { count } = await run();
    const file = path.join(CACHE_DIR, `overhead-${name.replaceAll(' ', '-')}.cpuprofile`);
    printShares(name, await tell({ order: 'end', file }), count);
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
