/**
 * A stop, and the cleanup after it: by RTM (the stop by the stream, the cleanup by REST), by dockerode, and by `docker stop`
 * and `docker rm`; one at a time, in turn. The engine ends at once when it is told to. Prints figures and asserts nothing.
 */
import { execFile } from 'node:child_process';
import { loadavg } from 'node:os';
import { promisify } from 'node:util';
import { shortId } from '../../dev/session.ts';
import { parseGameId } from '../../lib/game-id.ts';
import { containerName } from '../../lib/game-names.ts';
import { makeRestClient } from '../helpers/rest-client.ts';
import { makeWorld } from '../helpers/rtm-env.ts';
import { startInEarnest } from './in-earnest.ts';
import { useLocalStores } from './local-stores.ts';
import { rawStart } from './raw-start.ts';
import { printTable, quantile } from './statistics.ts';
import { makeStarter } from './timed-start.ts';

const ROUNDS = Number(process.argv[2] ?? 20);
const WARM_UP = 2;
const run = promisify(execFile);

/** Milliseconds. */
interface Ended {
  readonly stopMs: number;
  readonly removeMs: number;
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedMs = performance.now();
  await work();
  return performance.now() - startedMs;
}

await using stack = new AsyncDisposableStack();
stack.use(await useLocalStores());
const world = stack.adopt(await makeWorld(), (one) => one.destroy());
console.log(`load average before: ${loadavg()[0]?.toFixed(2)}`);
const replica = stack.use(await startInEarnest(world));
const rest = makeRestClient(replica.url);
const starter = makeStarter(world.redis);
const newGame = () => `ended-${shortId()}`;

async function byRtm(): Promise<Ended> {
  const gameId = newGame();
  await starter.startToStay(gameId);
  const stopMs = await starter.stop(gameId);
  const removeMs = await timed(async () => {
    const { status } = await rest.delete(`/runtimes/${gameId}/container`);
    if (status !== 200) throw new Error(`the cleanup of ${gameId} ended with ${status}`);
  });
  return { stopMs, removeMs };
}

async function byDockerode(): Promise<Ended> {
  const { stop, remove } = await rawStart(world, newGame());
  return { stopMs: await timed(stop), removeMs: await timed(remove) };
}

async function byCommand(): Promise<Ended> {
  const gameId = newGame();
  await rawStart(world, gameId);
  const name = containerName(parseGameId(gameId));
  const stopMs = await timed(() => run('docker', ['stop', name]));
  return { stopMs, removeMs: await timed(() => run('docker', ['rm', name])) };
}

const WAYS: Readonly<Record<string, () => Promise<Ended>>> = {
  dockerode: byDockerode,
  RTM: byRtm,
  'docker stop, docker rm': byCommand,
};
const ended = new Map<string, Ended[]>(Object.keys(WAYS).map((way) => [way, []]));
for (let round = -WARM_UP; round < ROUNDS; round += 1) {
  for (const [way, end] of Object.entries(WAYS)) {
    const one = await end();
    if (round >= 0) ended.get(way)?.push(one);
  }
}
const columns = (all: readonly Ended[], of: keyof Ended): string[] =>
  [0.5, 0.99].map((share) =>
    quantile(
      all.map((one) => one[of]),
      share,
    ).toFixed(1),
  );
printTable([
  [`one at a time, ${ROUNDS} rounds`, 'stop: p50 ms', 'p99 ms', 'cleanup: p50 ms', 'p99 ms'],
  ...[...ended].map(([way, all]) => [way, ...columns(all, 'stopMs'), ...columns(all, 'removeMs')]),
]);
console.log(`load average after: ${loadavg()[0]?.toFixed(2)}`);
