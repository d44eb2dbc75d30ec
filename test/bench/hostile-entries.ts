/**
 * How long unreadable entries delay the request of another game: 3,000 entries of 8 kB (25 MB) that once made every
 * pattern of the redaction quadratic, beside as many harmless ones. Docker and Lobby are stand-ins that answer at once.
 * Prints figures and asserts nothing.
 */
import { loadavg } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { makeLobby, STREAMS } from '../helpers/lobby.ts';
import { makeInstantWorld } from './instant-world.ts';
import { startReplica } from './replica.ts';
import { printTable } from './statistics.ts';

const ENTRIES = Number(process.argv[2] ?? 3_000);
const IMAGE = 'galaxy/game:1.0.0';
const BYTES = 8_192;
const LOOK_MS = 20;

await using stack = new AsyncDisposableStack();
const world = stack.use(await makeInstantWorld());
const lobby = makeLobby({ client: world.redis });
console.log(`load average before: ${loadavg()[0]?.toFixed(2)}`);
stack.use(await startReplica(world.variables));

const rows = [[`${ENTRIES} entries of ${BYTES} bytes`, 'the next game is answered after, ms']];
let games = 0;
for (const [name, unit] of Object.entries({ none: '', harmless: 'a', '://': '://', 'token=': 'token=' })) {
  if (unit !== '') {
    const image = unit.repeat(BYTES / unit.length);
    const pipeline = world.redis.pipeline();
    for (let at = 0; at < ENTRIES; at += 1) {
      // No time, so it is a dead letter.
      pipeline.xadd(STREAMS.startJobs, '*', 'game_id', `hostile-${at}`, 'image_ref', image);
    }
    await pipeline.exec();
  }
  games += 1;
  const game = `neighbour-${games}`;
  await lobby.start(game, IMAGE);
  const askedMs = performance.now();
  while (!(await isAnswered(game))) await delay(LOOK_MS);
  rows.push([name, (performance.now() - askedMs).toFixed(0)]);
}
printTable(rows);
console.log(`load average after: ${loadavg()[0]?.toFixed(2)}`);

async function isAnswered(game: string): Promise<boolean> {
  const answers = await world.redis.xrevrange(STREAMS.jobResults, '+', '-', 'COUNT', 200);
  return answers.some(([, fields]) => fields.includes(game));
}
