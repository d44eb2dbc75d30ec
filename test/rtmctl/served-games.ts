import { makeFakeDockerApi } from '../helpers/fake-docker-api.ts';
import { makeProgress, type Progress } from '../helpers/fake-docker-scripts.ts';
import { type FakeDockerWorld, makeFakeDockerWorld } from '../helpers/fake-docker-world.ts';
import { type Lobby, makeLobby } from '../helpers/lobby.ts';
import { type Rtm, startRtm } from '../helpers/rtm.ts';
import { makeWorld } from '../helpers/rtm-env.ts';

export const TOKEN = 'correct-horse';
export const IMAGE = 'galaxy/engine:1.0.0';
export const NEXT_IMAGE = 'galaxy/engine:1.0.1';

/** A whole Runtime Manager with real stores and a Docker of its own. */
export interface ServedGames {
  readonly rtm: Rtm;
  readonly docker: FakeDockerWorld;
  /** Docker's stream of events, on which nothing is told but by the test. */
  readonly events: Progress;
  readonly api: Awaited<ReturnType<typeof makeFakeDockerApi>>;
  readonly lobby: Lobby;
  destroy(): Promise<void>;
}

export async function makeServedGames(): Promise<ServedGames> {
  await using stack = new AsyncDisposableStack();
  const world = stack.adopt(await makeWorld(), (one) => one.destroy());
  const api = stack.adopt(await makeFakeDockerApi(), (one) => one.close());
  const docker = makeFakeDockerWorld(api, world.network.name);
  for (const ref of [IMAGE, NEXT_IMAGE]) docker.images.set(ref, { id: `sha256:${ref}` });
  const events = makeProgress();
  api.always('GET /events', events.script);
  const rtm = stack.use(
    await startRtm(world, {
      RTMANAGER_DOCKER_HOST: api.host,
      RTMANAGER_INTERNAL_HTTP_TOKEN: TOKEN,
      RTMANAGER_IMAGE_PULL_TIMEOUT: '60s',
      // No engine answers at the addresses of the fake daemon.
      RTMANAGER_PROBE_INTERVAL: '24h',
      // What a test changes in Docker, no tick repairs under its hands.
      RTMANAGER_INSPECT_INTERVAL: '24h',
      RTMANAGER_GAME_LEASE_TTL_SECONDS: '60',
    }),
  );
  const opened = stack.move();
  return { rtm, docker, events, api, lobby: makeLobby(world.redis), destroy: () => opened.disposeAsync() };
}
