/**
 * What RTM adds to a start: stream entry to job result, against dockerode's create and start of the very same container, and
 * against `docker run -d`. One at a time, in turn, in another order each round, when all is quiet. Dockerode has two turns a
 * round: how far the two are apart is how exact this measurement can be. What happens before Docker has created the container
 * and after it has started it is measured for itself too: there Docker's own moods, larger than all that RTM does, are left
 * out. Prints figures and asserts nothing.
 */
import { loadavg } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { parseGameId } from '../../lib/game-id.ts';
import { containerName } from '../../lib/game-names.ts';
import { makeDraw } from '../chaos/matrix/sample.ts';
import { docker } from '../helpers/docker.ts';
import { makeWorld } from '../helpers/rtm-env.ts';
import { commandStart } from './command-start.ts';
import { watchMoments } from './docker-moments.ts';
import { startInEarnest } from './in-earnest.ts';
import { useLocalStores } from './local-stores.ts';
import { rawStart } from './raw-start.ts';
import { printTable, quantile } from './statistics.ts';
import { makeStarter } from './timed-start.ts';

const ROUNDS = Number(process.argv[2] ?? 200);
/** A replica's first starts are slower than all that follow: its code is not compiled yet, and no statement prepared. */
const WARM_UP_STARTS = 100;
const WARM_UP_ROUNDS = 3;
/** Docker and RTM both have something to do after a container was removed; that is not part of the next start. */
const QUIET_MS = 200;

await using stack = new AsyncDisposableStack();
stack.use(await useLocalStores());
const world = stack.adopt(await makeWorld(), (one) => one.destroy());
const moments = stack.use(await watchMoments());
console.log(`load average before: ${loadavg()[0]?.toFixed(2)}`);
const replica = stack.use(await startInEarnest(world));
const starter = makeStarter(world.redis);

const nameOf = (game: string): string => containerName(parseGameId(game));
/** Starts a container, and tells its name and how long that took, milliseconds. */
type Start = (round: number) => Promise<{ readonly name: string; readonly tookMs: number }>;
const byDockerode =
  (prefix: string): Start =>
  async (round) => {
    const game = `${prefix}-${round}`;
    return { name: nameOf(game), tookMs: (await rawStart(world, game)).tookMs };
  };
const WAYS = {
  dockerode: byDockerode('raw'),
  RTM: async (round) => {
    const game = `rtm-${round}`;
    return { name: nameOf(game), tookMs: await starter.startToStay(game) };
  },
  again: byDockerode('again'),
  command: async (round) => {
    const name = `command-${round}`;
    return { name, tookMs: await commandStart(world, name) };
  },
} satisfies Record<string, Start>;
type Way = keyof typeof WAYS;
const ORDER = Object.keys(WAYS) as Way[];

/** Milliseconds of a start; how many of them passed before Docker had created the container, after it had started it, and both. */
interface Took {
  readonly all: number;
  readonly before: number;
  readonly after: number;
  readonly outside: number;
}

async function time(way: Way, round: number): Promise<Took> {
  const { name, tookMs } = await WAYS[way](round);
  // Half a millisecond: the clock that Docker's times are of is read in whole ones here.
  const endedMs = Date.now() + 0.5;
  const { createdMs, startedMs } = await moments.of(name);
  await docker.getContainer(name).remove({ force: true });
  const before = createdMs - (endedMs - tookMs);
  const after = endedMs - startedMs;
  return { all: tookMs, before, after, outside: before + after };
}

for (let nth = 0; nth < WARM_UP_STARTS; nth += 1) await starter.start(`warm-up-${nth}`);

const draw = makeDraw();
const took: Record<Way, Took[]> = { dockerode: [], RTM: [], again: [], command: [] };
for (let round = 0; round < ROUNDS + WARM_UP_ROUNDS; round += 1) {
  for (const way of draw.sample(ORDER, ORDER.length)) {
    await delay(QUIET_MS);
    const one = await time(way, round);
    if (round >= WARM_UP_ROUNDS) took[way].push(one);
  }
}

const SHARES = [0.5, 0.9, 0.99];
const row = (name: string, of: (share: number) => number) => [
  name,
  ...SHARES.map((share) => of(share).toFixed(1)),
];
const of = (way: Way, part: keyof Took, share: number): number =>
  quantile(
    took[way].map((one) => one[part]),
    share,
  );
const quantiles = (name: string, way: Way, part: keyof Took = 'all') =>
  row(name, (share) => of(way, part, share));
const added = (name: string, way: Way, part: keyof Took = 'all') =>
  row(name, (share) => of(way, part, share) - of('dockerode', part, share));
printTable([
  [`start, one at a time, ${ROUNDS} rounds`, 'p50 ms', 'p90 ms', 'p99 ms'],
  quantiles('dockerode create + start', 'dockerode'),
  quantiles('the same again', 'again'),
  quantiles('docker run -d', 'command'),
  quantiles('RTM, stream entry to job result', 'RTM'),
  added('added by RTM', 'RTM'),
  added('added by dockerode to itself', 'again'),
]);
console.log();
printTable([
  ['of these, outside of Docker', 'p50 ms', 'p90 ms', 'p99 ms'],
  quantiles('dockerode, before the container is there', 'dockerode', 'before'),
  quantiles('RTM, before the container is there', 'RTM', 'before'),
  quantiles('dockerode, after it has started', 'dockerode', 'after'),
  quantiles('RTM, after it has started', 'RTM', 'after'),
  added('added by RTM in both', 'RTM', 'outside'),
]);
console.log(`idle replica before the run: ${(replica.idleRssBytes / 2 ** 20).toFixed(0)} MiB RSS`);
console.log(`load average after: ${loadavg()[0]?.toFixed(2)}`);
