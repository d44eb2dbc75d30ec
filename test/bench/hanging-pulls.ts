/**
 * What pulls that hang cost a start of another game: starts before, while and after 40 games wait for a registry that
 * never sends their images, in turn with starts by dockerode alone and by a replica without pulls, which show what
 * Docker and the machine do meanwhile. In the end the first is given more starts than it has slots: how many operations does it run at once?
 * Prints figures; fails only where they would say nothing, because pulls have ended or a start failed.
 */
import { loadavg } from 'node:os';
import { shortId } from '../../dev/session.ts';
import { GAME_IMAGE } from '../helpers/docker.ts';
import { eventually } from '../helpers/eventually.ts';
import { makeFakeRegistry } from '../helpers/fake-registry.ts';
import { makeFlow } from '../helpers/flow.ts';
import { startInEarnest } from './in-earnest.ts';
import { useLocalStores } from './local-stores.ts';
import { timeRawStart } from './raw-start.ts';
import { printTable, quantile } from './statistics.ts';
import { makeStarter } from './timed-start.ts';

const STARTS = Number(process.argv[2] ?? 10);
const HANGING = 40;
const SLOTS = 64;
const MORE_THAN_SLOTS = 72;

await using stack = new AsyncDisposableStack();
stack.use(await useLocalStores());
const registry = stack.adopt(await makeFakeRegistry({ mood: 'stalls' }), (one) => one.close());
const flow = stack.adopt(await makeFlow(), (one) => one.destroy());
const other = stack.adopt(await makeFlow(), (one) => one.destroy());
console.log(`load average before: ${loadavg()[0]?.toFixed(2)}`);
stack.use(await startInEarnest(flow.world));
stack.use(await startInEarnest(other.world));
const starter = makeStarter(flow.world.redis);
const otherStarter = makeStarter(other.world.redis);
const newGame = () => `pulls-${shortId()}`;

async function running(image: string): Promise<number> {
  const found = await flow.rows.query(
    "select 1 from rtmanager.operation_log where status = 'running' and image_ref like $1 || '%'",
    [image],
  );
  return found.length;
}

const WAYS = {
  'RTM, the replica of the 40 games': () => starter.start(newGame()),
  'RTM, another replica': () => otherStarter.start(newGame()),
  'dockerode create + start': () => timeRawStart(flow.world, newGame()),
};
type Phase = Readonly<Record<string, number>>;

/** The median of each way, which take turns. */
async function timeStarts(): Promise<Phase> {
  const took: Record<string, number[]> = {};
  for (let round = 0; round < STARTS; round += 1) {
    for (const [way, start] of Object.entries(WAYS)) {
      took[way] ??= [];
      took[way].push(await start());
    }
  }
  return Object.fromEntries(Object.entries(took).map(([way, samples]) => [way, quantile(samples, 0.5)]));
}

for (const start of Object.values(WAYS)) await start();
const before = await timeStarts();

for (let game = 0; game < HANGING; game += 1) {
  await flow.lobby.start(newGame(), `${registry.host}/engines/${newGame()}:1.0.0`);
}
const waiting = () => running(registry.host);
await eventually(async () => (await waiting()) === HANGING, {
  what: `${HANGING} operations to wait for their pulls`,
});
const meanwhile = await timeStarts();

for (let game = 0; game < MORE_THAN_SLOTS; game += 1) await flow.lobby.start(newGame(), GAME_IMAGE);
let most = 0;
const full = async () => {
  most = Math.max(most, await running(GAME_IMAGE));
  return most >= SLOTS;
};
await eventually(full, { what: `${SLOTS} operations to run at once`, intervalMs: 10 });
console.log(
  `${MORE_THAN_SLOTS} starts given at once: ${most} in flight, beside ${await waiting()} that wait for pulls`,
);
if ((await waiting()) !== HANGING) throw new Error('some of the pulls have ended meanwhile');

await registry.close();
const idle = async () => (await waiting()) === 0 && (await running(GAME_IMAGE)) === 0;
await eventually(idle, { what: 'the pulls to fail, and the starts to end', timeoutMs: 120_000 });
const after = await timeStarts();

const shown = (phase: Phase, way: string) => (phase[way] ?? Number.NaN).toFixed(0);
printTable([
  [`start, ${STARTS} each in turn, median ms`, 'before', `while ${HANGING} hang`, 'after'],
  ...Object.keys(WAYS).map((way) => [way, shown(before, way), shown(meanwhile, way), shown(after, way)]),
]);
