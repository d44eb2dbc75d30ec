import { mkdir, rm } from 'node:fs/promises';
import { Redis } from 'ioredis';
import { findRedisServer } from '../../../dev/machine/services.mjs';
import { fetchPostgres } from '../../../dev/services/postgres-package.ts';
import { makeRunDirectory } from '../../../dev/services/run-directory.ts';
import { type PrivatePostgres, startPostgres } from '../../../dev/services/start-postgres.ts';
import { type PrivateRedis, startRedis } from '../../../dev/services/start-redis.ts';
import { shortId } from '../../../dev/session.ts';
import { type FakeDockerApi, makeFakeDockerApi } from '../../helpers/fake-docker-api.ts';
import { type FakeDockerWorld, makeFakeDockerWorld } from '../../helpers/fake-docker-world.ts';
import { type Replica, startReplica } from '../../helpers/replica.ts';
import { makeStateRoot } from '../../helpers/state-root.ts';
import { makePostgresProxy, makeTcpProxy, type TcpProxy } from '../../helpers/tcp-proxy.ts';

export const IMAGE = 'galaxy/game:1.4.2';
const NETWORK = 'galaxy';
const REPLICAS = 2;
/** Few, so that others can take them all. */
const MAX_CONNECTIONS = 60;

/** PostgreSQL and Redis to be broken, each with a way to it that can be cut, two replicas, and Docker as a stand-in. */
export interface FaultWorld {
  readonly postgres: PrivatePostgres;
  readonly redis: PrivateRedis;
  /** What the replicas reach PostgreSQL through. */
  readonly toPostgres: TcpProxy;
  readonly toRedis: TcpProxy;
  /** The straight way to Redis; a command fails at once while there is none. */
  readonly client: Redis;
  readonly replicas: readonly Replica[];
  readonly api: FakeDockerApi;
  readonly docker: FakeDockerWorld;
  /** Takes it all away again; replicas end in order, and say how. */
  close(): Promise<readonly (number | null)[]>;
}

export async function makeFaultWorld(): Promise<FaultWorld> {
  await using stack = new AsyncDisposableStack();
  const dir = await makeRunDirectory(`stores-${shortId()}`);
  stack.defer(() => rm(dir, { recursive: true, force: true }));
  const stateRoot = stack.adopt(await makeStateRoot(), (one) => one.remove());
  const program = findRedisServer();
  if (!program) throw new Error('there is no redis-server');
  const { tree } = await fetchPostgres();
  await mkdir(dir, { recursive: true });
  const [postgres, redis] = await Promise.all([
    startPostgres(tree, dir, { max_connections: MAX_CONNECTIONS, superuser_reserved_connections: 0 }),
    startRedis(program, dir, { appendOnly: true }),
  ]);
  stack.defer(() => postgres.stop());
  stack.defer(() => redis.stop());
  const toPostgres = stack.adopt(await makePostgresProxy(postgres.dsn), (one) => one.close());
  const toRedis = stack.adopt(
    await makeTcpProxy({ target: { host: '127.0.0.1', port: redis.port } }),
    (one) => one.close(),
  );
  const client = stack.adopt(
    new Redis({
      port: redis.port,
      maxRetriesPerRequest: 0,
      enableOfflineQueue: false,
      retryStrategy: () => 50,
    }),
    (one) => one.disconnect(),
  );
  client.on('error', () => undefined); // expected while it is away
  const api = stack.adopt(await makeFakeDockerApi(), (one) => one.close());
  const docker = makeFakeDockerWorld(api, NETWORK);
  docker.images.set(IMAGE, { id: 'sha256:engine' });
  // Open, and nothing happens.
  api.always('GET /events', ({ response }) => response.writeHead(200).flushHeaders());

  const variables = {
    RTMANAGER_INTERNAL_HTTP_ADDR: '127.0.0.1:0',
    RTMANAGER_POSTGRES_PRIMARY_DSN: toPostgres.dsn,
    RTMANAGER_REDIS_MASTER_ADDR: `${toRedis.host}:${toRedis.port}`,
    RTMANAGER_DOCKER_HOST: api.host,
    RTMANAGER_DOCKER_NETWORK: NETWORK,
    RTMANAGER_GAME_STATE_ROOT: stateRoot.path,
    RTMANAGER_LOBBY_INTERNAL_BASE_URL: 'http://127.0.0.1:1',
    RTMANAGER_STREAM_BLOCK_TIMEOUT: '200ms',
    RTMANAGER_GAME_LEASE_TTL_SECONDS: '2',
    RTMANAGER_SHUTDOWN_TIMEOUT: '5s',
    RTMANAGER_RECONCILE_INTERVAL: '500ms',
    RTMANAGER_PROBE_INTERVAL: '24h',
    RTMANAGER_INSPECT_INTERVAL: '24h',
  };
  const replicas: Replica[] = [];
  stack.defer(async () => void (await Promise.all(replicas.map((one) => one.end('SIGKILL')))));
  // The first one prepares the database.
  for (let place = 0; place < REPLICAS; place += 1) replicas.push(await startReplica(variables));

  const opened = stack.move();
  return {
    postgres,
    redis,
    toPostgres,
    toRedis,
    client,
    replicas,
    api,
    docker,
    async close() {
      const ends = await Promise.all(replicas.map((one) => one.end('SIGTERM')));
      await opened.disposeAsync();
      return ends.map(({ code }) => code);
    },
  };
}
