import type { Config } from '../../lib/config.ts';
import { makeConfiguredDocker } from '../../lib/docker/configured-docker.ts';
import type { Docker } from '../../lib/docker/docker.ts';
import { type FakeDockerApi, makeFakeDockerApi } from './fake-docker-api.ts';
import { type FakeDockerWorld, makeFakeDockerWorld } from './fake-docker-world.ts';

/** RTM's Docker with a fake daemon behind it. */
export interface FakeDocker {
  readonly api: FakeDockerApi;
  readonly world: FakeDockerWorld;
  readonly docker: Docker;
  close(): Promise<void>;
}

export async function makeFakeDocker(config: Config): Promise<FakeDocker> {
  const api = await makeFakeDockerApi();
  const world = makeFakeDockerWorld(api, config.docker.network);
  const docker = makeConfiguredDocker({ ...config, docker: { ...config.docker, host: api.host } });
  return { api, world, docker, close: () => api.close() };
}
