/**
 * What grows with the number of games: a fifth of them run, a fifth stands still, the others are over, and each has twenty
 * operations behind it. Of each size there is a world of its own; they take turns, and the medians over the rounds are
 * printed and drawn. PostgreSQL, Redis and the replica are real, Docker, Lobby and the engines are stand-ins that answer
 * at once. Prints figures and asserts nothing.
 */
import { writeFile } from 'node:fs/promises';
import { loadavg } from 'node:os';
import path from 'node:path';
import { ROOT_DIR } from '../../dev/paths.ts';
import { LOOK_AFTER_NONE } from '../helpers/many-games.ts';
import { drawGrowth } from './draw-growth.ts';
import { gameIdOf } from './fleet.ts';
import { type GrownWorld, makeGrownWorld } from './grown-world.ts';
import { type Loader, startLoader } from './load.ts';
import { rssOf } from './process-figures.ts';
import { startReplica } from './replica.ts';
import { printTable, quantile } from './statistics.ts';
import { timeTicks } from './time-ticks.ts';

const ROUNDS = Number(process.argv[2] ?? 3);
const SIZES = (process.argv[3] ?? '100,1000,10000,50000').split(',').map(Number);
const SINGLE_GAMES = 25;
const SECONDS = 3;
const PLOT = path.join(ROOT_DIR, 'docs/growth.svg');
const RUNTIMES = '/api/v1/internal/runtimes';
const MB = 1024 * 1024;

/** In the order in which they are printed; all but memory in milliseconds. */
const FIGURES = [
  'start or stop, p50',
  'get, p50',
  'list of 100, p50',
  'start or stop beside the care of all games, p50',
  'get beside it, p50',
  'list of 100 beside it, p50',
  'probe tick, CPU, p50',
  'inspect tick, p50',
  'reconcile pass, p50',
  'replica, most MB',
] as const;
type Figures = Readonly<Record<(typeof FIGURES)[number], number>>;

interface Asked {
  readonly operationMs: number;
  readonly getMs: number;
  readonly listMs: number;
  readonly mostMb: number;
}

async function ask(world: GrownWorld, loader: Loader, variables: GrownWorld['variables']): Promise<Asked> {
  const { requests, games } = world;
  await using replica = await startReplica(variables);
  const { latenciesMs } = await requests.oneByOne(SINGLE_GAMES);
  const load = { url: replica.url, connections: 1, seconds: SECONDS };
  const paths = Array.from({ length: 1_000 }, (_, at) => `${RUNTIMES}/${gameIdOf((at * 23_757) % games)}`);
  const get = await loader.run({ ...load, paths });
  const list = await loader.run({ ...load, paths: [`${RUNTIMES}?limit=100`] });
  return {
    operationMs: quantile(latenciesMs, 0.5),
    getMs: get.p50Ms,
    listMs: list.p50Ms,
    mostMb: (await rssOf(replica.process.pid ?? 0)) / MB,
  };
}

async function measure(world: GrownWorld, loader: Loader): Promise<Figures> {
  const alone = await ask(world, loader, { ...world.variables, ...LOOK_AFTER_NONE });
  const caring = await ask(world, loader, world.variables);
  const ticks = await timeTicks(world);
  return {
    'start or stop, p50': alone.operationMs,
    'get, p50': alone.getMs,
    'list of 100, p50': alone.listMs,
    'start or stop beside the care of all games, p50': caring.operationMs,
    'get beside it, p50': caring.getMs,
    'list of 100 beside it, p50': caring.listMs,
    'probe tick, CPU, p50': ticks.probeCpuMs,
    'inspect tick, p50': ticks.inspectMs,
    'reconcile pass, p50': ticks.reconcileMs,
    'replica, most MB': caring.mostMb,
  };
}

await using stack = new AsyncDisposableStack();
console.log(`load average before: ${loadavg()[0]?.toFixed(2)}`);
const loader = stack.adopt(startLoader(), (one) => one.close());
const worlds: GrownWorld[] = [];
for (const games of SIZES) worlds.push(stack.use(await makeGrownWorld(games)));
const rounds: Figures[][] = SIZES.map(() => []);
for (let round = 0; round < ROUNDS; round += 1) {
  for (const [place, world] of worlds.entries()) rounds[place]?.push(await measure(world, loader));
}
const medians = FIGURES.map((name) => ({
  name,
  values: rounds.map((all) =>
    quantile(
      all.map((one) => one[name]),
      0.5,
    ),
  ),
}));
printTable([
  [`${ROUNDS} rounds; ms but for memory`, ...SIZES.map((games) => `${games} games`)],
  ...medians.map(({ name, values }) => [name, ...values.map((value) => value.toFixed(1))]),
]);
await writeFile(PLOT, drawGrowth(SIZES, medians));
console.log(`drawn in docs/growth.svg; load average after: ${loadavg()[0]?.toFixed(2)}`);
