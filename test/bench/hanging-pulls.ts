/**
 * What pulls that hang cost a start of another game: starts before, while and after 40 games wait for a registry that
 * never sends their images, in turn with starts by dockerode alone and by a replica without pulls, which show what
 * Docker and the machine do meanwhile. In the end the first is given more stops than it has slots, of engines that take their
 * whole grace period: how many operations does it run at once?
 * Prints figures; fails only where they would say nothing, because pulls have ended or a start failed.
 */
import { writeFile } from 'node:fs/promises';
import { loadavg } from 'node:os';
import path from 'node:path';
import { shortId } from '../../dev/session.ts';
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

const running = async (condition: string, value: string): Promise<number> =>
  (
    await flow.rows.query(`select from rtmanager.operation_log where status = 'running' and ${condition}`, [
      value,
    ])
  ).length;
const waiting = () => running("image_ref like $1 || '%'", registry.host);
const stopping = () => running('op_kind = $1', 'stop');

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
await eventually(async () => (await waiting()) === HANGING, {
  what: `${HANGING} operations to wait for their pulls`,
});
const meanwhile = await timeStarts();

const slow = Array.from({ length: MORE_THAN_SLOTS }, newGame);
for (const gameId of slow) {
  await starter.startToStay(gameId);
  await writeFile(path.join(flow.world.stateRoot.path, gameId, 'ignore-sigterm'), '');
}
for (const gameId of slow) await flow.lobby.stop(gameId);
let most = 0;
const full = async () => {
  most = Math.max(most, await stopping());
  return most >= SLOTS;
};
await eventually(full, { what: `${SLOTS} operations to run at once`, intervalMs: 10 });
console.log(
  `${MORE_THAN_SLOTS} slow stops given at once: ${most} in flight, beside ${await waiting()} that wait for pulls`,
);
if ((await waiting()) !== HANGING) throw new Error('some of the pulls have ended meanwhile');

await registry.close();
const idle = async () => (await waiting()) === 0 && (await stopping()) === 0;
await eventually(idle, { what: 'the pulls to fail, and the stops to end', timeoutMs: 120_000 });
const after = await timeStarts();

const shown = (phase: Phase, way: string) => (phase[way] ?? Number.NaN).toFixed(0);
printTable([
  [`start, ${STARTS} each in turn, median ms`, 'before', `while ${HANGING} hang`, 'after'],
  ...Object.keys(WAYS).map((way) => [way, shown(before, way), shown(meanwhile, way), shown(after, way)]),
]);
