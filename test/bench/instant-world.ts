import { execFile, fork } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Redis } from 'ioredis';
import { LOOK_AFTER_NONE } from '../helpers/many-games.ts';
import { startPrivateStores } from '../helpers/private-stores.ts';
import type { RtmVariables } from '../helpers/rtm-env.ts';
import { makeStateRoot } from '../helpers/state-root.ts';
import type { InstantDockerAnswer, InstantDockerOrder } from './instant-docker.ts';

const run = promisify(execFile);
export const NETWORK = 'galaxy';

/** Everything around a replica, in processes of their own that end with this one; Docker is a stand-in. */
export interface InstantWorld extends AsyncDisposable {
  readonly variables: RtmVariables;
  readonly redis: Redis;
  /** Of Lobby and of the engines. */
  readonly lobbyUrl: string;
  /** Lets Docker have the containers of these games. */
  fill(order: InstantDockerOrder): Promise<void>;
}

/** Keeps this process, and those that it starts from now on, to these cores (as taskset counts them). */
export async function keepTo(cores: string): Promise<void> {
  await run('taskset', ['-apc', cores, String(process.pid)]);
}

/** A PostgreSQL that writes durably, a Redis, a Docker and a Lobby that answer at once, and an empty state root. */
export async function makeInstantWorld(): Promise<InstantWorld> {
  await using stack = new AsyncDisposableStack();
  const { dsn, redisPort: port } = stack.use(await startPrivateStores('overhead'));
  const redis = stack.adopt(new Redis({ host: '127.0.0.1', port }), (one) => one.disconnect());
  const stateRoot = stack.adopt(await makeStateRoot(), (one) => one.remove());
  const socketPath = path.join(stateRoot.path, 'docker.sock');
  const outside = stack.adopt(
    fork(fileURLToPath(new URL('./instant-docker.ts', import.meta.url)), [NETWORK, socketPath]),
    (one) => one.disconnect(),
  );
  const [{ lobbyUrl }] = (await once(outside, 'message')) as [InstantDockerAnswer];
  const opened = stack.move();
  return {
    redis,
    lobbyUrl,
    async fill(order) {
      const done = once(outside, 'message');
      outside.send(order);
      await done;
    },
    variables: {
      ...LOOK_AFTER_NONE,
      RTMANAGER_INTERNAL_HTTP_ADDR: '127.0.0.1:0',
      RTMANAGER_POSTGRES_PRIMARY_DSN: dsn,
      RTMANAGER_REDIS_MASTER_ADDR: `127.0.0.1:${port}`,
      RTMANAGER_DOCKER_HOST: `unix://${socketPath}`,
      RTMANAGER_DOCKER_NETWORK: NETWORK,
      RTMANAGER_GAME_STATE_ROOT: stateRoot.path,
      RTMANAGER_GAME_STATE_OWNER_UID: String(process.getuid?.()),
      RTMANAGER_GAME_STATE_OWNER_GID: String(process.getgid?.()),
      RTMANAGER_LOBBY_INTERNAL_BASE_URL: lobbyUrl,
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}
