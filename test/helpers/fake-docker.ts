import type { Config } from '../../lib/config.ts';
import { makeDockerConnection } from '../../lib/docker/connection.ts';
import { type Docker, makeDocker } from '../../lib/docker/docker.ts';
import { makeImageStore } from '../../lib/docker/image-store.ts';
import { makeRegistryAuth } from '../../lib/registry-auth.ts';
import { type FakeDockerApi, makeFakeDockerApi } from './fake-docker-api.ts';
import { type FakeDockerWorld, makeFakeDockerWorld } from './fake-docker-world.ts';

/** RTM's Docker with a fake daemon behind it. */
export interface FakeDocker {
  readonly api: FakeDockerApi;
  readonly world: FakeDockerWorld;
  readonly docker: Docker;
  close(): Promise<void>;
}

export async function makeFakeDocker(config: Pick<Config, 'docker' | 'image'>): Promise<FakeDocker> {
  const { network, parallelPulls, parallelStarts } = config.docker;
  const api = await makeFakeDockerApi();
  const world = makeFakeDockerWorld(api, network);
  const connection = makeDockerConnection({ host: api.host });
  const images = makeImageStore(connection, {
    policy: config.image.pullPolicy,
    pullTimeoutMs: config.image.pullTimeoutMs,
    parallelPulls,
    registryAuth: makeRegistryAuth(undefined),
  });
  return {
    api,
    world,
    docker: makeDocker(connection, { network, parallelStarts, images }),
    close: () => api.close(),
  };
}
