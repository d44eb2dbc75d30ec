/**
 * What RTM itself costs an operation: starts and stops of games by the streams, with a Docker that answers at once. On two
 * cores: first one replica that has one of them alone while everything else shares the other; then what the libraries
 * alone cost there; then how often it asks PostgreSQL and Redis; then one, two and four replicas that share both cores
 * with everything else. PostgreSQL and Redis
 * are real, and write as they do in earnest. Prints figures; fails only where an operation does.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism, loadavg } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { SERVICE_FLAGS } from '../../dev/bootstrap/node-flags.mjs';
import type { RtmVariables } from '../helpers/rtm-env.ts';
import type { LibraryFigures } from './bare-libraries.ts';
import type { RoundTrips } from './count-round-trips.ts';
import { type InstantWorld, keepTo, makeInstantWorld, NETWORK } from './instant-world.ts';
import { cpuMsOf } from './process-figures.ts';
import { type Replica, startReplica } from './replica.ts';
import { type Answered, makeRequests } from './requests.ts';
import { printTable, quantile } from './statistics.ts';

const [part = 'all', games = '750'] = process.argv.slice(2);
const GAMES = Number(games);
const ROUNDS = 3;
const WARM_UP_GAMES = 150;
const PACED_SECONDS = 10;
const SINGLE_GAMES = 40;
const SETTLE_MS = 3_000;
const ALL_CORES = `0-${availableParallelism() - 1}`;
const REPLICAS_CORE = '0';
const OTHER_CORES = availableParallelism() > 1 ? `1-${availableParallelism() - 1}` : '0';
const BARE = fileURLToPath(new URL('./bare-libraries.ts', import.meta.url));
const COUNTER = fileURLToPath(new URL('./count-round-trips.ts', import.meta.url));

const rate = ({ count, tookMs }: Answered): number => (count / tookMs) * 1_000;
const cpuOf = async (replicas: readonly Replica[]): Promise<number> =>
  (await Promise.all(replicas.map((one) => cpuMsOf(one.process.pid ?? 0)))).reduce(
    (sum, one) => sum + one,
    0,
  );
const latencies = ({ latenciesMs }: Answered): string[] =>
  [0.5, 0.9, 0.99, 1].map((share) => quantile(latenciesMs, share).toFixed(0));

interface Figures {
  readonly perSecond: number;
  readonly cpuMs: number;
}

/** The medians of some rounds. */
async function flood(
  requests: ReturnType<typeof makeRequests>,
  replicas: readonly Replica[],
): Promise<Figures> {
  await requests.flood(WARM_UP_GAMES);
  const rounds: Figures[] = [];
  while (rounds.length < ROUNDS) {
    const cpuBefore = await cpuOf(replicas);
    const answered = await requests.flood(GAMES);
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

/** Runs in a world of its own, all of it but replicas on these cores. */
async function inWorld<T>(cores: string, work: (world: InstantWorld) => Promise<T>): Promise<T> {
  await keepTo(cores);
  await using world = await makeInstantWorld();
  return await work(world);
}

/** One replica on a core of its own. */
async function measureOne(): Promise<void> {
  await inWorld(OTHER_CORES, async ({ variables, redis }) => {
    const requests = makeRequests(redis);
    await using replica = await startReplica(variables, { prefix: ['taskset', '-c', REPLICAS_CORE] });
    const { perSecond, cpuMs } = await flood(requests, [replica]);
    const half = await requests.pace(perSecond / 2, PACED_SECONDS);
    const single = await requests.oneByOne(SINGLE_GAMES);
    printTable([
      ['one replica on one core', 'operations/s', 'CPU ms each'],
      ['median', perSecond.toFixed(0), cpuMs.toFixed(2)],
    ]);
    printTable([
      ['from request to answer, ms', 'p50', 'p90', 'p99', 'most'],
      [`half of that: ${rate(half).toFixed(0)} a second`, ...latencies(half)],
      ['one at a time', ...latencies(single)],
    ]);
    console.log(`warnings: ${replica.warnings.length}`);
  });
}

/** The least that an operation costs with these libraries, whatever is done with their answers. */
async function measureLibraries(): Promise<void> {
  await inWorld(OTHER_CORES, async ({ variables, lobbyUrl }) => {
    const program = ['taskset', '-c', REPLICAS_CORE, process.execPath, ...SERVICE_FLAGS, BARE];
    const [command = '', ...args] = [...program, ...givenToLibraries(variables), lobbyUrl, NETWORK];
    const child = spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    const [figures] = (await once(child, 'message')) as [LibraryFigures];
    const sum = Object.values(figures).reduce((all, one) => all + one, 0);
    printTable([
      ['the libraries alone, CPU ms an operation', ''],
      ...Object.entries(figures).map(([what, ms]) => [`  ${what}`, ms.toFixed(2)]),
      ['  all of it', sum.toFixed(2)],
      ['  operations/s of a core that did nothing else', (1_000 / sum).toFixed(0)],
    ]);
  });
}

const givenToLibraries = (variables: RtmVariables): string[] => [
  variables.RTMANAGER_POSTGRES_PRIMARY_DSN ?? '',
  new URL(`redis://${variables.RTMANAGER_REDIS_MASTER_ADDR}`).port,
  new URL(variables.RTMANAGER_DOCKER_HOST ?? '').pathname,
];

/** What a replica asks of PostgreSQL and Redis, by what it asks. */
async function countRoundTrips(): Promise<void> {
  await inWorld(OTHER_CORES, async ({ variables, redis }) => {
    const requests = makeRequests(redis);
    await using replica = await startReplica(variables, {
      prefix: ['taskset', '-c', REPLICAS_CORE],
      flags: ['--import', COUNTER],
    });
    const take = async (): Promise<RoundTrips> => {
      const answer = once(replica.process, 'message');
      replica.process.send('count');
      return (await answer)[0];
    };
    await requests.flood(WARM_UP_GAMES);
    for (const [name, load] of [
      ['as fast as they go', () => requests.flood(GAMES)],
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
}

/** Several replicas, and everything else, on all cores. */
async function measureSeveral(): Promise<void> {
  const lines: string[][] = [];
  for (const count of [1, 2, 4]) {
    const { perSecond, cpuMs } = await inWorld(ALL_CORES, async ({ variables, redis }) => {
      await using stack = new AsyncDisposableStack();
      const replicas = await Promise.all(Array.from({ length: count }, () => startReplica(variables)));
      for (const one of replicas) stack.use(one);
      return await flood(makeRequests(redis), replicas);
    });
    lines.push([String(count), perSecond.toFixed(0), cpuMs.toFixed(2)]);
  }
  printTable([['replicas, on both cores with everything else', 'operations/s', 'CPU ms each'], ...lines]);
}

const parts: Record<string, () => Promise<void>> = {
  one: measureOne,
  libraries: measureLibraries,
  counts: countRoundTrips,
  several: measureSeveral,
};
for (const [name, measure] of Object.entries(parts)) {
  if (part !== 'all' && part !== name) continue;
  console.log(`load average before: ${loadavg()[0]?.toFixed(2)}`);
  await measure();
}
