import { performance } from 'node:perf_hooks';
import type { ContainerCreateOptions } from 'dockerode';
import { createBody } from '../../lib/docker/create-container.ts';
import { parseGameId } from '../../lib/game-id.ts';
import { containerName, gameHostname, networkAliases } from '../../lib/game-names.ts';
import { ensureStateDirectory } from '../../lib/state-directory.ts';
import { docker, GAME_IMAGE } from '../helpers/docker.ts';
import type { TestWorld } from '../helpers/rtm-env.ts';

/** A game's container that dockerode alone has started. */
interface RawContainer {
  /** Of its create and start. */
  readonly tookMs: number;
  stop(): Promise<void>;
  remove(): Promise<void>;
}

/** Milliseconds of a start whose container is removed again; that does not count. */
export async function timeRawStart(world: TestWorld, game: string): Promise<number> {
  const { tookMs, remove } = await rawStart(world, game);
  await remove();
  return tookMs;
}

/** Create and start of what RTM would create for the game. */
export async function rawStart(world: TestWorld, game: string): Promise<RawContainer> {
  const gameId = parseGameId(game);
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
    healthcheck: null,
    capAdd: [],
    readOnlyRootfs: false,
  });
  const startedMs = performance.now();
  const options = { _query: { name: containerName(gameId) }, _body: body } as ContainerCreateOptions;
  const container = await docker.createContainer(options);
  await container.start();
  const tookMs = performance.now() - startedMs;
  return {
    tookMs,
    stop: async () => void (await container.stop()),
    remove: async () => void (await container.remove({ force: true })),
  };
}
