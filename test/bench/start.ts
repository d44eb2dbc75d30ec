/**
 * What RTM adds to a start: stream entry to job result, against dockerode's create and start of the very same container, and
 * against `docker run -d`. One at a time, in turn, in another order each round, when all is quiet. Dockerode has two turns a
 * round: how far the two are apart is how exact this measurement can be. Prints figures and asserts nothing.
 */
import { loadavg } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { makeDraw } from '../chaos/matrix/sample.ts';
import { makeWorld } from '../helpers/rtm-env.ts';
import { commandStart } from './command-start.ts';
import { startInEarnest } from './in-earnest.ts';
import { useLocalStores } from './local-stores.ts';
import { timeAndRemove, timeRawStart } from './raw-start.ts';
import { printTable, quantile } from './statistics.ts';
import { makeStarter } from './timed-start.ts';

const ROUNDS = Number(process.argv[2] ?? 100);
const WARM_UP = 3;
/** Docker and RTM both have something to do after a container was removed; that is not part of the next start. */
const QUIET_MS = 200;

await using stack = new AsyncDisposableStack();
stack.use(await useLocalStores());
const world = stack.adopt(await makeWorld(), (one) => one.destroy());
console.log(`load average before: ${loadavg()[0]?.toFixed(2)}`);
const replica = stack.use(await startInEarnest(world));
const starter = makeStarter(world.redis);

const WAYS = {
  dockerode: (round: number) => timeRawStart(world, `raw-${round}`),
  RTM: (round: number) => starter.start(`rtm-${round}`),
  again: (round: number) => timeRawStart(world, `again-${round}`),
  command: (round: number) => timeAndRemove(commandStart(world, `command-${round}`)),
};
type Way = keyof typeof WAYS;
const ORDER = Object.keys(WAYS) as Way[];
const draw = makeDraw();
const tookMs: Record<Way, number[]> = { dockerode: [], RTM: [], again: [], command: [] };
for (let round = 0; round < ROUNDS + WARM_UP; round += 1) {
  for (const way of draw.sample(ORDER, ORDER.length)) {
    await delay(QUIET_MS);
    const ms = await WAYS[way](round);
    if (round >= WARM_UP) tookMs[way].push(ms);
  }
}

const SHARES = [0.5, 0.9, 0.99];
const row = (name: string, of: (share: number) => number) => [
  name,
  ...SHARES.map((share) => of(share).toFixed(1)),
];
const quantiles = (name: string, way: Way) => row(name, (share) => quantile(tookMs[way], share));
const added = (name: string, way: Way) =>
  row(name, (share) => quantile(tookMs[way], share) - quantile(tookMs.dockerode, share));
printTable([
  [`start, one at a time, ${ROUNDS} rounds`, 'p50 ms', 'p90 ms', 'p99 ms'],
  quantiles('dockerode create + start', 'dockerode'),
  quantiles('the same again', 'again'),
  quantiles('docker run -d', 'command'),
  quantiles('RTM, stream entry to job result', 'RTM'),
  added('added by RTM', 'RTM'),
  added('added by dockerode to itself', 'again'),
]);
console.log(`idle replica before the run: ${(replica.idleRssBytes / 2 ** 20).toFixed(0)} MiB RSS`);
console.log(`load average after: ${loadavg()[0]?.toFixed(2)}`);
