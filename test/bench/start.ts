/**
 * What RTM adds to a start: stream entry to job result, against dockerode's create and start of the very same
 * container, one at a time and in turn within one run. Prints figures and asserts nothing.
 */
import { once } from 'node:events';
import { performance } from 'node:perf_hooks';
import type { ContainerCreateOptions } from 'dockerode';
import { createBody } from '../../lib/docker/create-container.ts';
import { parseGameId } from '../../lib/game-id.ts';
import { containerName, gameHostname, networkAliases } from '../../lib/game-names.ts';
import { ensureStateDirectory } from '../../lib/state-directory.ts';
import { docker, GAME_IMAGE } from '../helpers/docker.ts';
import { STREAMS } from '../helpers/lobby.ts';
import { makeWorld, type TestWorld } from '../helpers/rtm-env.ts';
import { stopServices } from '../helpers/services.ts';
import { startReplica } from './replica.ts';
import { printTable, quantile } from './statistics.ts';

const ROUNDS = Number(process.argv[2] ?? 30);
const WARM_UP = 3;

/** Create and start of what RTM would create, by dockerode alone; returns milliseconds. */
async function rawStart(world: TestWorld, round: number): Promise<number> {
  const gameId = parseGameId(`raw-${round}`);
  const source = await ensureStateDirectory({
    root: world.stateRoot.path,
    gameId,
    mode: 0o750,
    uid: 10001,
    gid: 10001,
  });
  const body = createBody({
    name: containerName(gameId),
    imageRef: GAME_IMAGE,
    hostname: gameHostname(gameId),
    network: world.network.name,
    aliases: networkAliases(gameId),
    labels: {},
    mount: { source, target: '/var/lib/galaxy-game' },
    limits: { nanoCpus: 1e9, memoryBytes: 512 * 2 ** 20, pidsLimit: 512 },
    log: { driver: 'json-file', options: { 'max-size': '1m', 'max-file': '3' } },
    capAdd: [],
    readOnlyRootfs: false,
  });
  const startedMs = performance.now();
  const options = { _query: { name: containerName(gameId) }, _body: body } as ContainerCreateOptions;
  const container = await docker.createContainer(options);
  await container.start();
  const tookMs = performance.now() - startedMs;
  await container.remove({ force: true });
  return tookMs;
}

/** From XADD of the job to its result in the stream, as the Lobby sees it; returns milliseconds. */
async function rtmStart(
  world: TestWorld,
  round: number,
  after: string,
): Promise<{ tookMs: number; lastId: string }> {
  const gameId = `rtm-${round}`;
  const { client } = world.redis;
  const startedMs = performance.now();
  await client.xadd(
    STREAMS.startJobs,
    '*',
    'game_id',
    gameId,
    'image_ref',
    GAME_IMAGE,
    'requested_at_ms',
    String(Date.now()),
  );
  const answer = await client.xread('BLOCK', 30_000, 'STREAMS', STREAMS.jobResults, after);
  const tookMs = performance.now() - startedMs;
  const [id, fields] = answer?.[0]?.[1]?.[0] ?? [];
  if (id === undefined || !fields?.includes('success'))
    throw new Error(`start of ${gameId} failed: ${fields}`);
  await docker.getContainer(containerName(parseGameId(gameId))).remove({ force: true });
  return { tookMs, lastId: id };
}

const world = await makeWorld();
try {
  const replica = await startReplica(world.variables());
  const raw: number[] = [];
  const rtm: number[] = [];
  let lastId = '0-0';
  for (let round = 0; round < ROUNDS + WARM_UP; round += 1) {
    const rawMs = await rawStart(world, round);
    const answer = await rtmStart(world, round, lastId);
    lastId = answer.lastId;
    if (round < WARM_UP) continue;
    raw.push(rawMs);
    rtm.push(answer.tookMs);
  }
  const added = rtm.map((tookMs, index) => tookMs - (raw[index] ?? 0));
  const ms = (samples: readonly number[], share: number) => quantile(samples, share).toFixed(1);
  const row = (name: string, samples: readonly number[]) => [
    name,
    ms(samples, 0.5),
    ms(samples, 0.9),
    ms(samples, 0.99),
  ];
  printTable([
    [`start, one at a time, ${ROUNDS} rounds`, 'p50 ms', 'p90 ms', 'p99 ms'],
    row('dockerode create + start', raw),
    row('RTM, stream entry to job result', rtm),
    row('added, pair by pair', added),
  ]);
  const median = quantile(rtm, 0.5) - quantile(raw, 0.5);
  console.log(
    `difference of the medians: ${median.toFixed(1)} ms; idle replica before the run: ${(replica.idleRssBytes / 2 ** 20).toFixed(0)} MiB RSS`,
  );
  replica.process.kill('SIGTERM');
  await once(replica.process, 'exit');
} finally {
  await world.destroy();
  await stopServices();
}
