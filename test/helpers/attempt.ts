import { makeDockerConnection } from '../../lib/docker/connection.ts';
import type { createAndStart } from '../../lib/docker/create-and-start.ts';
import type { ContainerSpec } from '../../lib/docker/create-container.ts';
import { type AttemptDocker, makeDocker } from '../../lib/docker/docker.ts';
import { makeImageStore, type PullPolicy } from '../../lib/docker/image-store.ts';
import { makeLabels } from '../../lib/docker/labels.ts';
import { parseGameId } from '../../lib/game-id.ts';
import { parseImageRef } from '../../lib/image-ref.ts';
import { makeRegistryAuth } from '../../lib/registry-auth.ts';
import { type FakeDockerApi, makeFakeDockerApi } from './fake-docker-api.ts';
import { type FakeDockerWorld, makeFakeDockerWorld } from './fake-docker-world.ts';
import { type FakeLease, makeFakeLease } from './fake-lease.ts';
import { hasten } from './hasten.ts';

export const NETWORK = 'galaxy';
export const NAME = 'galaxy-game-game-1';
export const GAME = parseGameId('game-1');
export const IMAGE = parseImageRef('galaxy/engine:1.0.0');

/** The labels of a container of the game that operation `operationId` created. */
export const labelsOf = (operationId: string, imageRef = IMAGE.text) =>
  makeLabels({ gameId: GAME, imageRef, operationId, attempt: 1, startedAtMs: 1_767_225_600_000 });

export const REQUEST: Parameters<typeof createAndStart>[1] = {
  gameId: GAME,
  imageRef: IMAGE,
  operationId: 'operation-1',
};

export const SPEC: ContainerSpec = {
  name: NAME,
  imageRef: IMAGE.canonical,
  hostname: NAME,
  network: NETWORK,
  aliases: [NAME],
  labels: labelsOf('operation-1'),
  mount: { source: '/srv/games/game-1', target: '/var/lib/galaxy-game' },
  limits: { nanoCpus: 1_000_000_000, memoryBytes: 64 * 2 ** 20, pidsLimit: 64 },
  log: { driver: 'json-file', options: {} },
  healthcheck: null,
  capAdd: [],
  readOnlyRootfs: false,
};

/** Docker as one attempt sees it, with a fake daemon behind it that has the image and the network. */
export interface FakeAttempt {
  readonly api: FakeDockerApi;
  readonly world: FakeDockerWorld;
  readonly lease: FakeLease;
  readonly docker: AttemptDocker;
  close(): Promise<void>;
}

interface Options {
  readonly policy?: PullPolicy;
  readonly parallelStarts?: number;
  /** How many times shorter the deadlines are. */
  readonly hastened?: number;
}

export async function makeFakeAttempt(options: Options = {}): Promise<FakeAttempt> {
  const { policy = 'if_missing', parallelStarts = 4, hastened = 1 } = options;
  const api = await makeFakeDockerApi();
  const world = makeFakeDockerWorld(api, NETWORK);
  world.images.set(IMAGE.canonical, { id: 'sha256:1111' });
  world.registry.set(IMAGE.canonical, { id: 'sha256:1111' });
  const connection = hasten(makeDockerConnection({ host: api.host }), hastened);
  const images = makeImageStore(connection, {
    policy,
    pullTimeoutMs: 60_000,
    parallelPulls: 3,
    registryAuth: makeRegistryAuth(undefined),
  });
  const lease = makeFakeLease();
  const docker = makeDocker(connection, { network: NETWORK, parallelStarts, images }).forAttempt(
    lease,
    (work) => work(),
  );
  return { api, world, lease, docker, close: () => api.close() };
}
