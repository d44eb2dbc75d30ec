import { availableParallelism } from 'node:os';
import { type InstantWorld, keepTo, makeInstantWorld } from '../instant-world.ts';
import { cpuMsOf } from '../process-figures.ts';
import type { Replica } from '../replica.ts';
import type { Answered, Requests } from '../requests.ts';
import { quantile } from '../statistics.ts';

const CORES = availableParallelism();
const ROUNDS = 3;
export const WARM_UP_GAMES = 150;
export const ALL_CORES = `0-${CORES - 1}`;
/** What keeps a replica to a core of its own, before its command line. */
export const ON_ITS_CORE = ['taskset', '-c', '0'] as const;
/** For everything else meanwhile. */
export const OTHER_CORES = CORES > 1 ? `1-${CORES - 1}` : '0';

/** Runs in a world of its own, all of it but replicas on these cores. */
export async function inWorld<T>(cores: string, work: (world: InstantWorld) => Promise<T>): Promise<T> {
  await keepTo(cores);
  await using world = await makeInstantWorld();
  return await work(world);
}

export const rate = ({ count, tookMs }: Answered): number => (count / tookMs) * 1_000;

async function cpuOf(replicas: readonly Replica[]): Promise<number> {
  const each = await Promise.all(replicas.map((one) => cpuMsOf(one.process.pid ?? 0)));
  return each.reduce((sum, one) => sum + one, 0);
}

/** Operations a second, and milliseconds of the replicas' CPU for one. */
interface Figures {
  readonly perSecond: number;
  readonly cpuMs: number;
}

/** Starts and stops so many games as fast as they go, some times; the medians. */
export async function flood(
  requests: Requests,
  replicas: readonly Replica[],
  games: number,
): Promise<Figures> {
  await requests.flood(WARM_UP_GAMES);
  const rounds: Figures[] = [];
  while (rounds.length < ROUNDS) {
    const cpuBefore = await cpuOf(replicas);
    const answered = await requests.flood(games);
    const cpuMs = ((await cpuOf(replicas)) - cpuBefore) / answered.count;
    rounds.push({ perSecond: rate(answered), cpuMs });
    console.log(`  ${rate(answered).toFixed(0)} operations/s, ${cpuMs.toFixed(2)} ms CPU each`);
  }
  const median = (of: keyof Figures) =>
    quantile(
      rounds.map((one) => one[of]),
      0.5,
    );
  return { perSecond: median('perSecond'), cpuMs: median('cpuMs') };
}
