/**
 * A replica that finds very many entries in its job streams: how soon all are accepted, how much memory that takes, and
 * when a game gets its turn that asks last, behind all that the others have asked for. PostgreSQL, Redis and the replica
 * are real, Docker and Lobby are stand-ins that answer at once. Prints figures and asserts nothing.
 */
import { loadavg } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';
import { parseConfig } from '../../lib/config.ts';
import { makeLobby, STREAMS } from '../helpers/lobby.ts';
import { makeInstantWorld } from './instant-world.ts';
import { rssOf } from './process-figures.ts';
import { startReplica } from './replica.ts';
import { printTable } from './statistics.ts';

const ENTRIES = Number(process.argv[2] ?? 100_000);
const OLD_GAMES = 1_000;
const IMAGE = 'galaxy/game:1.0.0';
const BATCH = 2_000;
const LOOK_MS = 100;
const MB = 1024 * 1024;

await using stack = new AsyncDisposableStack();
const world = stack.use(await makeInstantWorld());
const lobby = makeLobby({ client: world.redis });
console.log(`load average before: ${loadavg()[0]?.toFixed(2)}`);

// Each game in turn: all starts, all stops, all starts …
for (let from = 0; from < ENTRIES; from += BATCH) {
  const pipeline = world.redis.pipeline();
  for (let at = from; at < Math.min(from + BATCH, ENTRIES); at += 1) {
    const isStart = Math.floor(at / OLD_GAMES) % 2 === 0;
    const [stream, what] = isStart
      ? [STREAMS.startJobs, ['image_ref', IMAGE]]
      : [STREAMS.stopJobs, ['reason', 'finished']];
    const job = ['game_id', `old-${at % OLD_GAMES}`, ...what, 'requested_at_ms', String(Date.now())];
    pipeline.xadd(stream, '*', ...job);
  }
  await pipeline.exec();
}
await lobby.start('newcomer', IMAGE);
const beganAtMs = performance.now();
const replica = stack.use(await startReplica(world.variables));

const db = new Client({ connectionString: parseConfig(world.variables).postgres.dsn });
await db.connect();
stack.defer(() => db.end());
const count = async (what: string): Promise<number> =>
  (await db.query(`select count(*)::int as count from rtmanager.operation_log where ${what}`)).rows[0].count;

let mostRss = replica.idleRssBytes;
let acceptedMs: number | undefined;
let answeredMs: number | undefined;
let unfinished = 0;
while (acceptedMs === undefined || answeredMs === undefined) {
  mostRss = Math.max(mostRss, await rssOf(replica.process.pid ?? 0));
  if (acceptedMs === undefined && (await count('true')) > ENTRIES) acceptedMs = performance.now() - beganAtMs;
  const answer = await world.redis.xrevrange(STREAMS.jobResults, '+', '-', 'COUNT', 2_000);
  if (answeredMs === undefined && answer.some(([, fields]) => fields.includes('newcomer'))) {
    answeredMs = performance.now() - beganAtMs;
    unfinished = await count(`status <> 'finished'`);
  }
  await delay(LOOK_MS);
}
const seconds = (ms: number): string => (ms / 1_000).toFixed(1);
printTable([
  [`${ENTRIES} entries of ${OLD_GAMES} games wait`, ''],
  ['all accepted after the start of the process, s', seconds(acceptedMs)],
  ['RSS at most, MB', (mostRss / MB).toFixed(0)],
  ['a new game that asks last is answered after, s', seconds(answeredMs)],
  ['operations that still wait then', String(unfinished)],
]);
console.log(`load average after: ${loadavg()[0]?.toFixed(2)}`);
