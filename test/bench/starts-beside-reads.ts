/**
 * What readers cost a start of a game: starts while nobody reads and starts under as many reads as the replica
 * answers, in turn. The load takes CPU from Docker as well, so the same load on a replica that starts nothing, on the
 * same machine and database, is measured beside it: what differs between the two is what reads cost inside of a replica.
 */
import { loadavg } from 'node:os';
import { GAMES, INSERT_MANY_GAMES, LOOK_AFTER_NONE, manyGameId } from '../helpers/many-games.ts';
import { makeRows } from '../helpers/rows.ts';
import { makeWorld } from '../helpers/rtm-env.ts';
import { stopServices } from '../helpers/services.ts';
import { startLoader } from './load.ts';
import { startReplica } from './replica.ts';
import { printTable, quantile } from './statistics.ts';
import { makeStarter } from './timed-start.ts';

const ROUNDS = Number(process.argv[2] ?? 3);
const STARTS = 5;
const READERS = 64;
const LIST = '/api/v1/internal/runtimes';

await using stack = new AsyncDisposableStack();
stack.defer(stopServices);
const world = stack.adopt(await makeWorld(), (one) => one.destroy());
const other = stack.adopt(await makeWorld(), (one) => one.destroy());
console.log(`load average before: ${loadavg()[0]?.toFixed(2)}`);
const replica = stack.use(await startReplica(world.variables(LOOK_AFTER_NONE)));
const bystander = stack.use(await startReplica(other.variables(LOOK_AFTER_NONE)));
for (const { database } of [world, other]) {
  const rows = stack.adopt(await makeRows(database), (one) => one.close());
  await rows.query(INSERT_MANY_GAMES);
  // Docker has none of their containers.
  await rows.query(`update rtmanager.runtime_records set status = 'removed', current_container_id = null`);
  await rows.query('analyze');
}
const loader = stack.adopt(startLoader(), (one) => one.close());
const starter = makeStarter(world.redis);
// Mostly single games, and pages of the list among them.
const paths = Array.from({ length: 1_000 }, (_, index) =>
  index % 20 === 0 ? `${LIST}?limit=100` : `${LIST}/${manyGameId((index * 23_757) % GAMES)}`,
);

const situations: Record<string, { url?: string; startsMs: number[]; perSecond: number[] }> = {
  'nobody reads': { startsMs: [], perSecond: [] },
  [`${READERS} clients read from another replica`]: { url: bystander.url, startsMs: [], perSecond: [] },
  [`${READERS} clients read from this one`]: { url: replica.url, startsMs: [], perSecond: [] },
};

let game = 0;
async function starts(count: number): Promise<number[]> {
  const tookMs: number[] = [];
  while (tookMs.length < count) tookMs.push(await starter.start(`beside-reads-${game++}`));
  return tookMs;
}

await starts(2); // warms up
for (let round = 0; round < ROUNDS; round += 1) {
  for (const { url, startsMs, perSecond } of Object.values(situations)) {
    const stop = new AbortController();
    const reading = url && loader.run({ url, paths, connections: READERS, until: stop.signal });
    startsMs.push(...(await starts(STARTS)));
    stop.abort();
    if (reading) perSecond.push((await reading).perSecond);
  }
}
printTable([
  [`start, one at a time, ${ROUNDS} × ${STARTS}`, 'p50 ms', 'p90 ms', 'reads/s'],
  ...Object.entries(situations).map(([name, { startsMs, perSecond }]) => [
    name,
    quantile(startsMs, 0.5).toFixed(0),
    quantile(startsMs, 0.9).toFixed(0),
    perSecond.length > 0 ? quantile(perSecond, 0.5).toFixed(0) : '',
  ]),
]);
