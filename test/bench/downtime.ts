/**
 * How long a game does not answer while its engine is replaced: RTM's restart and patch, dockerode's stop, remove, create
 * and start of the same container, and `docker stop && docker rm && docker run` by hand. Measured from inside the game
 * network, by the engine's name, as Game Master sees it. The ways take turns. Prints figures and asserts nothing.
 */
import { execFile } from 'node:child_process';
import { loadavg } from 'node:os';
import { promisify } from 'node:util';
import { shortId } from '../../dev/session.ts';
import { parseGameId } from '../../lib/game-id.ts';
import { containerName, gameHostname } from '../../lib/game-names.ts';
import { docker, GAME_IMAGE, GAME_IMAGE_PATCHED } from '../helpers/docker.ts';
import { makeFlow } from '../helpers/flow.ts';
import { makeRestClient } from '../helpers/rest-client.ts';
import { watchEndpoint } from './endpoint-gap.ts';
import { startInEarnest } from './in-earnest.ts';
import { useLocalStores } from './local-stores.ts';
import { rawStart } from './raw-start.ts';
import { printTable, quantile } from './statistics.ts';

const ROUNDS = Number(process.argv[2] ?? 7);
const run = promisify(execFile);
const newGame = () => parseGameId(`replaced-${shortId()}`);

await using stack = new AsyncDisposableStack();
stack.use(await useLocalStores());
const flow = stack.adopt(await makeFlow(), (one) => one.destroy());
const network = flow.world.network.name;
console.log(`load average before: ${loadavg()[0]?.toFixed(2)}`);
const replica = stack.use(await startInEarnest(flow.world));
const rest = makeRestClient(replica.url);

/** Starts a game by RTM, replaces its engine and returns the gap, milliseconds. */
async function byRtm(verb: 'restart' | 'patch', body: object): Promise<number> {
  const gameId = newGame();
  await rest.post(`/runtimes/${gameId}/start`, { image_ref: GAME_IMAGE });
  const { gapMs } = await watchEndpoint(network, `http://${gameHostname(gameId)}:8080`);
  const { status } = await rest.post(`/runtimes/${gameId}/${verb}`, body);
  if (status !== 200) throw new Error(`${verb} of ${gameId} ended with ${status}`);
  const gap = await gapMs;
  await rest.post(`/runtimes/${gameId}/stop`, { reason: 'finished' });
  await rest.delete(`/runtimes/${gameId}/container`);
  return gap;
}

/** The same with a container that RTM knows nothing of. */
async function without(
  replace: (gameId: string, name: string) => Promise<() => Promise<unknown>>,
): Promise<number> {
  const gameId = newGame();
  await rawStart(flow.world, gameId);
  const { gapMs } = await watchEndpoint(network, `http://${gameHostname(gameId)}:8080`);
  const remove = await replace(gameId, containerName(gameId));
  const gap = await gapMs;
  await remove();
  return gap;
}

async function byDockerode(gameId: string, name: string): Promise<() => Promise<unknown>> {
  const container = docker.getContainer(name);
  await container.stop();
  await container.remove();
  return (await rawStart(flow.world, gameId)).remove;
}

async function byHand(_gameId: string, name: string): Promise<() => Promise<unknown>> {
  await run('docker', ['stop', name]);
  await run('docker', ['rm', name]);
  await run('docker', ['run', '-d', '--init', '--network', network, '--name', name, GAME_IMAGE_PATCHED]);
  return () => docker.getContainer(name).remove({ force: true });
}

const WAYS: Readonly<Record<string, () => Promise<number>>> = {
  'RTM, restart': () => byRtm('restart', {}),
  'RTM, patch': () => byRtm('patch', { image_ref: GAME_IMAGE_PATCHED }),
  'dockerode stop, remove, create, start': () => without(byDockerode),
  'docker stop && docker rm && docker run': () => without(byHand),
};
const gaps = new Map<string, number[]>(Object.keys(WAYS).map((way) => [way, []]));
for (let round = -1; round < ROUNDS; round += 1) {
  for (const [way, replace] of Object.entries(WAYS)) {
    const gap = await replace();
    if (round >= 0) gaps.get(way)?.push(gap);
  }
}
const ms = (samples: readonly number[], share: number) => quantile(samples, share).toFixed(0);
printTable([
  [`no answer, ${ROUNDS} rounds`, 'p50 ms', 'most ms'],
  ...[...gaps].map(([way, samples]) => [way, ms(samples, 0.5), ms(samples, 1)]),
]);
console.log(`load average after: ${loadavg()[0]?.toFixed(2)}`);
