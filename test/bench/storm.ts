/**
 * Many starts at once: through RTM, by dockerode with as many in parallel as is best (found by a sweep first), by dockerode
 * as a naive program has it, 32 in parallel, and by `docker run -d`. The ways take turns, in another order each round; the
 * medians over the rounds are printed. Fails only when a start does.
 */
import { cpus, loadavg } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import pMap from 'p-map';
import { shortId } from '../../dev/session.ts';
import { makeDraw } from '../chaos/matrix/sample.ts';
import { docker, GAME_IMAGE } from '../helpers/docker.ts';
import { type Flow, makeFlow } from '../helpers/flow.ts';
import { STREAMS } from '../helpers/lobby.ts';
import { commandStart } from './command-start.ts';
import { startInEarnest } from './in-earnest.ts';
import { useLocalStores } from './local-stores.ts';
import { rawStart } from './raw-start.ts';
import { printTable, quantile } from './statistics.ts';

const STARTS = Number(process.argv[2] ?? 100);
const ROUNDS = Number(process.argv[3] ?? 3);
const SWEEP = [1, 2, 4, 8, 16];
const SWEEP_STARTS = Math.min(24, STARTS);
const NAIVE = 32;
/** As many as dockerode has had in the sweep: a process that has just begun takes more of the two cores. */
const WARM_UP = SWEEP.length * SWEEP_STARTS;
const PARALLEL_REMOVALS = 8;
const PATIENCE_MS = 60_000;
/** Docker has something to do after so many removals. */
const QUIET_MS = 5_000;

/** What came of so many starts: how many a second, and milliseconds of each. */
interface Storm {
  readonly perSecond: number;
  /** Of all cores, by whatever process: the daemon, the engines that boot, and whoever asks for it. */
  readonly cpuMsOfOne: number;
  readonly eachMs: readonly number[];
  /** By RTM: milliseconds of each from its claim, waiting for its turn at Docker included. */
  readonly sinceClaimMs?: readonly number[];
}

const newGame = () => `storm-${shortId()}`;

/** What the machine does from now on until the returned function is called, by when `count` games have been started. */
function watch(count: number): () => Pick<Storm, 'perSecond' | 'cpuMsOfOne'> {
  const [beganMs, beganCpuMs] = [performance.now(), busyMs()];
  return () => ({
    perSecond: (1_000 * count) / (performance.now() - beganMs),
    cpuMsOfOne: (busyMs() - beganCpuMs) / count,
  });
}

/** Time of the cores that was not idle since the machine was started. */
const busyMs = (): number =>
  cpus().reduce((sum, { times: { user, nice, sys, irq } }) => sum + user + nice + sys + irq, 0);

async function timed(count: number, parallel: number, start: () => Promise<number>): Promise<Storm> {
  const figures = watch(count);
  const eachMs = await pMap(Array.from({ length: count }), start, { concurrency: parallel });
  return { ...figures(), eachMs };
}

const byDockerode = (flow: Flow, parallel: number, count = STARTS) =>
  timed(count, parallel, async () => (await rawStart(flow.world, newGame())).tookMs);

const byCommand = (flow: Flow, parallel: number) =>
  timed(STARTS, parallel, async () => commandStart(flow.world, newGame()));

/** Waits for the answers of all these games as Lobby does: without asking again and again, which takes cores from Docker. */
async function answers({ world: { redis } }: Flow, waiting: Set<string>): Promise<void> {
  for (let lastId = '0-0'; waiting.size > 0; ) {
    const read = await redis.client.xread('BLOCK', PATIENCE_MS, 'STREAMS', STREAMS.jobResults, lastId);
    const entries = read?.[0]?.[1];
    if (!entries) throw new Error(`no answer within ${PATIENCE_MS} ms, ${waiting.size} are missing`);
    for (const [id, fields] of entries) {
      waiting.delete(fields[fields.indexOf('game_id') + 1] ?? '');
      lastId = id;
    }
  }
}

/** All of them written at once; each counts from the moment at which Docker began with it to its outcome in PostgreSQL. */
async function byRtm(flow: Flow, count = STARTS): Promise<Storm> {
  const games = Array.from({ length: count }, newGame);
  const burst = flow.world.redis.client.multi();
  const figures = watch(count);
  for (const gameId of games) {
    const job = { game_id: gameId, image_ref: GAME_IMAGE, requested_at_ms: String(Date.now()) };
    burst.xadd(STREAMS.startJobs, '*', ...Object.entries(job).flat());
  }
  await burst.exec();
  await answers(flow, new Set(games));
  const measured = figures();
  const rows = await flow.rows.query(
    `select container_id, outcome, extract(epoch from started_at)::float8 * 1000 as claimed,
       extract(epoch from finished_at)::float8 * 1000 as finished
     from rtmanager.operation_log where game_id = any($1)`,
    [games],
  );
  const failed = rows.filter(({ outcome }) => outcome !== 'success').length;
  if (failed > 0) throw new Error(`${failed} of ${count} starts failed`);
  const sinceClaimMs = rows.map(({ claimed, finished }) => Number(finished) - Number(claimed));
  const eachMs = await pMap(
    rows,
    async ({ container_id: id, finished }) =>
      Number(finished) - Date.parse((await docker.getContainer(String(id)).inspect()).Created),
    { concurrency: 4 },
  );
  return { ...measured, eachMs, sinceClaimMs };
}

async function clear({ world }: Flow): Promise<void> {
  const containers = await docker.listContainers({ all: true, filters: { network: [world.network.name] } });
  await pMap(containers, ({ Id }) => docker.getContainer(Id).remove({ force: true }), {
    concurrency: PARALLEL_REMOVALS,
  });
}

await using stack = new AsyncDisposableStack();
stack.use(await useLocalStores());
const flow = stack.adopt(await makeFlow(), (one) => one.destroy());
console.log(`load average before: ${loadavg()[0]?.toFixed(2)}`);

const rates = new Map<number, number>();
for (const parallel of SWEEP) {
  rates.set(parallel, (await byDockerode(flow, parallel, SWEEP_STARTS)).perSecond);
  await clear(flow);
}
const [[best] = [4]] = [...rates].toSorted(([, left], [, right]) => right - left);
console.log(
  `dockerode, ${SWEEP_STARTS} starts: ${[...rates].map(([parallel, rate]) => `${parallel} in parallel ${rate.toFixed(2)}/s`).join(', ')}`,
);

// A replica only while RTM has its turn: what the others start carries no label of it, but is on its network.
const WAYS: Readonly<Record<string, () => Promise<Storm>>> = {
  RTM: async () => {
    await using _replica = await startInEarnest(flow.world);
    // As dockerode here, it has started games before.
    await byRtm(flow, WARM_UP);
    await clear(flow);
    await delay(QUIET_MS);
    return await byRtm(flow);
  },
  [`dockerode, ${best} in parallel`]: () => byDockerode(flow, best),
  [`dockerode, ${NAIVE} in parallel`]: () => byDockerode(flow, NAIVE),
  [`docker run -d, ${best} in parallel`]: () => byCommand(flow, best),
};
const ways = Object.entries(WAYS);
const draw = makeDraw();
const storms = new Map<string, Storm[]>(Object.keys(WAYS).map((way) => [way, []]));
for (let round = 0; round < ROUNDS; round += 1) {
  for (const [way, storm] of draw.sample(ways, ways.length)) {
    await delay(QUIET_MS);
    storms.get(way)?.push(await storm());
    await clear(flow);
  }
}
const median = (all: readonly Storm[], of: (storm: Storm) => number) => quantile(all.map(of), 0.5);
printTable([
  [`${STARTS} starts at once, ${ROUNDS} rounds`, 'starts/s', 'of one: p50 ms', 'p99 ms', 'CPU ms'],
  ...[...storms].map(([way, all]) => [
    way,
    median(all, ({ perSecond }) => perSecond).toFixed(2),
    median(all, ({ eachMs }) => quantile(eachMs, 0.5)).toFixed(0),
    median(all, ({ eachMs }) => quantile(eachMs, 0.99)).toFixed(0),
    median(all, ({ cpuMsOfOne }) => cpuMsOfOne).toFixed(0),
  ]),
]);
const sinceClaimMs = storms.get('RTM')?.flatMap((storm) => storm.sinceClaimMs ?? []) ?? [];
const ms = (share: number) => quantile(sinceClaimMs, share).toFixed(0);
console.log(`one by RTM, from its claim: p50 ${ms(0.5)} ms, p99 ${ms(0.99)} ms`);
console.log(`load average after: ${loadavg()[0]?.toFixed(2)}`);
