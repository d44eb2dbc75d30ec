import { startReplica } from '../replica.ts';
import { makeRequests } from '../requests.ts';
import { printTable } from '../statistics.ts';
import { ALL_CORES, flood, inWorld } from './flood.ts';

/** Several replicas, and everything else, on all cores. */
export async function measureSeveral(games: number): Promise<void> {
  const lines: string[][] = [];
  for (const count of [1, 2, 4]) {
    const { perSecond, cpuMs } = await inWorld(ALL_CORES, async ({ variables, redis }) => {
      await using stack = new AsyncDisposableStack();
      const replicas = await Promise.all(Array.from({ length: count }, () => startReplica(variables)));
      for (const one of replicas) stack.use(one);
      return await flood(makeRequests(redis), replicas, games);
    });
    lines.push([String(count), perSecond.toFixed(0), cpuMs.toFixed(2)]);
  }
  printTable([['replicas, on both cores with everything else', 'operations/s', 'CPU ms each'], ...lines]);
}
