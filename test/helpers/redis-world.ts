import { mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { Redis } from 'ioredis';
import { findRedisServer } from '../../dev/machine/services.mjs';
import { makeRunDirectory } from '../../dev/services/run-directory.ts';
import { type PrivateRedis, startRedis } from '../../dev/services/start-redis.ts';
import { shortId } from '../../dev/session.ts';
import { makeDatabase } from './database.ts';
import { makeFakeDockerApi } from './fake-docker-api.ts';
import { makeFakeDockerWorld } from './fake-docker-world.ts';
import { exchange } from './http-exchange.ts';
import { type Replica, spawnReplica, startReplica } from './replica.ts';
import { makeRows, type Rows } from './rows.ts';
import type { RtmVariables } from './rtm-env.ts';
import { makeStateRoot } from './state-root.ts';
import { makeTcpProxy, type TcpProxy } from './tcp-proxy.ts';

const NETWORK = 'galaxy';

/** A Redis process of a test's own, and a client that talks to it directly. */
export interface RedisServer extends Pick<PrivateRedis, 'port' | 'kill'> {
  readonly client: Redis;
}

/** What `/readyz` says of Redis. */
export interface RedisCheck {
  readonly status?: 'ok' | 'failed';
  readonly message?: string;
  readonly warnings?: readonly string[];
}

/** RTM behind an address of Redis that can lead to one server, and later to another one. */
export interface RedisWorld extends AsyncDisposable {
  /** The address that RTM is given. Closed until a server is behind it. */
  readonly address: TcpProxy;
  readonly rows: Rows;
  /** Starts a Redis server with these command line options. */
  serve(args?: readonly string[]): Promise<RedisServer>;
  /** Leads new connections to this server. */
  pointTo(server: RedisServer): Promise<void>;
  /** Starts `node main.ts` and waits until it is up. */
  start(overrides?: RtmVariables): Promise<{ readonly url: string; readonly log: Pick<Replica, 'lines'> }>;
  /** Starts `node main.ts` and does not wait until it is up. */
  spawn(overrides?: RtmVariables): Replica;
}

export async function makeRedisWorld(): Promise<RedisWorld> {
  await using stack = new AsyncDisposableStack();
  const dir = await makeRunDirectory(`redis-${shortId()}`);
  stack.defer(() => rm(dir, { recursive: true, force: true }));
  const stateRoot = stack.adopt(await makeStateRoot(), (one) => one.remove());
  const database = stack.adopt(await makeDatabase(), (one) => one.drop());
  const rows = stack.adopt(await makeRows(database), (one) => one.close());
  const api = stack.adopt(await makeFakeDockerApi(), (one) => one.close());
  makeFakeDockerWorld(api, NETWORK);
  // Open, and nothing happens.
  api.always('GET /events', ({ response }) => response.writeHead(200).flushHeaders());
  const address = stack.adopt(
    await makeTcpProxy({ target: { host: '127.0.0.1', port: 1 }, opened: false }),
    (one) => one.close(),
  );
  const opened = stack.move();
  const variables = (overrides: RtmVariables): RtmVariables => ({
    RTMANAGER_INTERNAL_HTTP_ADDR: '127.0.0.1:0',
    RTMANAGER_POSTGRES_PRIMARY_DSN: database.dsn,
    RTMANAGER_REDIS_MASTER_ADDR: `${address.host}:${address.port}`,
    RTMANAGER_DOCKER_HOST: api.host,
    RTMANAGER_DOCKER_NETWORK: NETWORK,
    RTMANAGER_GAME_STATE_ROOT: stateRoot.path,
    RTMANAGER_LOBBY_INTERNAL_BASE_URL: 'http://127.0.0.1:1',
    RTMANAGER_STREAM_BLOCK_TIMEOUT: '200ms',
    RTMANAGER_SHUTDOWN_TIMEOUT: '1s',
    ...overrides,
  });
  return {
    address,
    rows,
    async serve(args = []) {
      const own = path.join(dir, shortId());
      await mkdir(own);
      const server = opened.adopt(await startRedis(findRedisServer() ?? '', own, { args }), (one) =>
        one.stop(),
      );
      const client = opened.adopt(new Redis({ port: server.port }), (one) => one.disconnect());
      client.on('error', () => undefined); // expected when its server ends
      return { port: server.port, kill: () => server.kill(), client };
    },
    async pointTo({ port }) {
      address.move({ host: '127.0.0.1', port });
      await address.open();
    },
    async start(overrides = {}) {
      const replica = await startReplica(variables(overrides));
      opened.defer(async () => void (await replica.end('SIGKILL')));
      return { url: replica.url, log: replica };
    },
    spawn(overrides = {}) {
      const replica = spawnReplica(variables(overrides));
      opened.defer(async () => void (await replica.end('SIGKILL')));
      return replica;
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

/** Asks `/readyz` of a replica that is up. */
export async function redisCheckOf({ url }: { readonly url: string }): Promise<RedisCheck> {
  const { json } = await exchange(url, '/readyz');
  return (json as { checks: { redis: RedisCheck } }).checks.redis;
}
