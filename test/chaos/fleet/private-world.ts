import { Redis } from 'ioredis';
import { startPrivateStores } from '../../helpers/private-stores.ts';
import { makeRows, type Rows } from '../../helpers/rows.ts';
import type { RtmVariables } from '../../helpers/rtm-env.ts';
import { makeStateRoot } from '../../helpers/state-root.ts';

/** What replicas need besides Docker: a PostgreSQL and a Redis that nobody else uses, and a place for the games' files. */
export interface PrivateWorld extends AsyncDisposable {
  readonly dsn: string;
  readonly redis: Redis;
  readonly stateRoot: string;
  /** Nothing may be asked of it before a replica has made the tables. */
  readonly rows: Rows;
  variables(overrides: RtmVariables): RtmVariables;
}

/** Long leases hide how soon a dead replica's work is taken over; shorter ones a busy machine would lose. */
export const LEASE_MS = 2_000;

/** Starts both, in half a second. */
export async function makePrivateWorld(): Promise<PrivateWorld> {
  await using stack = new AsyncDisposableStack();
  const { dsn, redisPort: port } = stack.use(await startPrivateStores('chaos'));
  const stateRoot = stack.adopt(await makeStateRoot(), (one) => one.remove()).path;
  const redis = stack.adopt(new Redis({ host: '127.0.0.1', port }), (one) => one.disconnect());
  const rows = stack.adopt(await makeRows({ dsn }), (one) => one.close());
  const opened = stack.move();
  return {
    dsn,
    redis,
    stateRoot,
    rows,
    variables: (overrides) => ({
      RTMANAGER_INTERNAL_HTTP_ADDR: '127.0.0.1:0',
      RTMANAGER_POSTGRES_PRIMARY_DSN: dsn,
      RTMANAGER_REDIS_MASTER_ADDR: `127.0.0.1:${port}`,
      RTMANAGER_GAME_STATE_ROOT: stateRoot,
      RTMANAGER_LOBBY_INTERNAL_BASE_URL: 'http://127.0.0.1:1',
      RTMANAGER_STREAM_BLOCK_TIMEOUT: '200ms',
      RTMANAGER_GAME_LEASE_TTL_SECONDS: String(LEASE_MS / 1_000),
      RTMANAGER_SHUTDOWN_TIMEOUT: '1s',
      RTMANAGER_RECONCILE_INTERVAL: '2s',
      RTMANAGER_PROBE_INTERVAL: '24h',
      ...overrides,
    }),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}
