import { dockerHost } from '../../dev/machine/docker.mjs';
import { makeDatabase, type TestDatabase } from './database.ts';
import { makeNetwork, type TestNetwork } from './network.ts';
import { makeRedis, type TestRedis } from './redis.ts';
import { makeStateRoot, type StateRoot } from './state-root.ts';

/** The variables of one Runtime Manager, as `process.env` would carry them. */
export type RtmVariables = Readonly<Record<string, string>>;

/** A world of a suite's own: database, Redis database, Docker network, state root. */
export interface TestWorld {
  readonly database: TestDatabase;
  readonly redis: TestRedis;
  readonly network: TestNetwork;
  readonly stateRoot: StateRoot;
  /** Variables of a replica in this world; every replica gets a free port. */
  variables(overrides?: RtmVariables): RtmVariables;
  /** Removes it all, containers on the network included. */
  destroy(): Promise<void>;
}

/** Owner of the state directories: the user that the test engine runs as. */
const ENGINE_USER = '10001';

export async function makeWorld(): Promise<TestWorld> {
  await using stack = new AsyncDisposableStack();
  const stateRoot = stack.adopt(await makeStateRoot(), (one) => one.remove());
  const database = stack.adopt(await makeDatabase(), (one) => one.drop());
  const redis = stack.adopt(await makeRedis(), (one) => one.release());
  const network = stack.adopt(await makeNetwork(), (one) => one.remove());
  const opened = stack.move();
  return {
    database,
    redis,
    network,
    stateRoot,
    variables: (overrides = {}) => ({
      RTMANAGER_INTERNAL_HTTP_ADDR: '127.0.0.1:0',
      RTMANAGER_POSTGRES_PRIMARY_DSN: database.dsn,
      RTMANAGER_REDIS_MASTER_ADDR: redis.addr,
      RTMANAGER_REDIS_DB: String(redis.db),
      RTMANAGER_DOCKER_HOST: dockerHost(),
      RTMANAGER_DOCKER_NETWORK: network.name,
      RTMANAGER_GAME_STATE_ROOT: stateRoot.path,
      RTMANAGER_GAME_STATE_OWNER_UID: ENGINE_USER,
      RTMANAGER_GAME_STATE_OWNER_GID: ENGINE_USER,
      RTMANAGER_LOBBY_INTERNAL_BASE_URL: 'http://127.0.0.1:1',
      RTMANAGER_STREAM_BLOCK_TIMEOUT: '200ms',
      RTMANAGER_GAME_LEASE_TTL_SECONDS: '2',
      RTMANAGER_SHUTDOWN_TIMEOUT: '5s',
      ...overrides,
    }),
    destroy: () => opened.disposeAsync(),
  };
}
