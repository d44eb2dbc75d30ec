import { mkdir, rm } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import pg from 'pg';
import { findRedisServer } from '../../../dev/machine/services.mjs';
import { fetchPostgres } from '../../../dev/services/postgres-package.ts';
import { makeRunDirectory } from '../../../dev/services/run-directory.ts';
import { startPostgres } from '../../../dev/services/start-postgres.ts';
import { startRedis } from '../../../dev/services/start-redis.ts';
import { shortId } from '../../../dev/session.ts';
import { GAME_LABEL, OPERATION_LABEL, OWNER, OWNER_LABEL } from '../../../lib/docker/labels.ts';
import { type FakeDockerApi, makeFakeDockerApi } from '../../helpers/fake-docker-api.ts';
import { actThenDrop, drop, pass, refuse, type Script } from '../../helpers/fake-docker-scripts.ts';
import {
  type FakeContainer,
  type FakeDockerWorld,
  makeFakeDockerWorld,
} from '../../helpers/fake-docker-world.ts';
import type { Rows } from '../../helpers/rows.ts';
import { makeStateRoot } from '../../helpers/state-root.ts';
import type { StartedContainer } from '../invariants.ts';
import { BROKEN, IMAGE, PATCHED } from './stories.ts';
import { makeVictim, type Victim } from './victim.ts';

const NETWORK = 'galaxy';
const SETTLE_MS = 1_000;
const OFTEN = { retryStrategy: () => 50, maxLoadingRetryTime: 50 };
/** What a process has written outlives it without that; only a machine that dies takes it along. */
const UNSYNCED = { fsync: 'off' };

/** What dies in the same moment as the replica. */
export const CROSSINGS = [
  'nothing else',
  'Redis, with its data',
  'Redis, and its data',
  'PostgreSQL',
  'the answer to the next change in Docker',
] as const;
export type Crossing = (typeof CROSSINGS)[number];

/** A replica with a PostgreSQL and a Redis of its own, and Docker as a stand-in that outlives it. */
export interface Lane extends AsyncDisposable {
  /** Connects anew after each death. */
  readonly rows: Pick<Rows, 'query'>;
  readonly redis: Redis;
  readonly stateRoot: string;
  readonly docker: FakeDockerWorld;
  readonly victim: Victim;
  /**
   * Lets everything else die that the crossing names, and the next replica take the place of the dead one. `dieAt` is the
   * boundary at which that one dies in its turn.
   */
  recover(crossing: Crossing, dieAt?: string): Promise<void>;
  /** Containers that carry our label on our network. */
  own(): readonly FakeContainer[];
  /** Every start of a container so far. */
  readonly started: readonly StartedContainer[];
  /** Containers of others that are not as they were. */
  disturbed(): readonly string[];
}

const CHANGES = [
  'POST /containers/create',
  'POST /containers/:id/start',
  'POST /containers/:id/stop',
  'DELETE /containers/:id',
  'POST /images/create',
];

/** Starts everything, in a second or two. */
export async function makeLane({ reconcileMs }: { readonly reconcileMs: number }): Promise<Lane> {
  await using stack = new AsyncDisposableStack();
  const dir = await makeRunDirectory(`lane-${shortId()}`);
  stack.defer(() => rm(dir, { recursive: true, force: true }));
  const program = findRedisServer();
  if (!program) throw new Error('there is no redis-server');
  const { tree } = await fetchPostgres();
  await mkdir(dir, { recursive: true });
  const stateRoot = stack.adopt(await makeStateRoot(), (one) => one.remove()).path;
  const postgres = stack.adopt(await startPostgres(tree, dir, UNSYNCED), (one) => one.stop());
  const server = stack.adopt(await startRedis(program, dir, { appendOnly: true }), (one) => one.stop());
  const redis = stack.adopt(new Redis({ port: server.port, ...OFTEN }), (one) => one.disconnect());
  const pool = stack.adopt(new pg.Pool({ connectionString: postgres.dsn, max: 2 }), (one) => one.end());
  for (const client of [pool, redis]) client.on('error', () => undefined); // expected while it is away
  const api = stack.adopt(await makeFakeDockerApi(), (one) => one.close());
  const docker = makeFakeDockerWorld(api, NETWORK);
  for (const image of [IMAGE, PATCHED, BROKEN]) docker.images.set(image, { id: `sha256:${image}` });
  const { loseNextAnswer, started } = teach(api, docker);
  const strangers = [
    docker.put({ name: 'unlabelled' }),
    docker.put({ name: 'foreign', labels: { [OWNER_LABEL]: `not ${OWNER}`, [GAME_LABEL]: 'g' } }),
    docker.put({
      name: 'elsewhere',
      labels: { [OWNER_LABEL]: OWNER, [GAME_LABEL]: 'elsewhere' },
      networks: ['another'],
    }),
  ];

  const variables = {
    RTMANAGER_INTERNAL_HTTP_ADDR: '127.0.0.1:0',
    RTMANAGER_POSTGRES_PRIMARY_DSN: postgres.dsn,
    RTMANAGER_REDIS_MASTER_ADDR: `127.0.0.1:${server.port}`,
    RTMANAGER_DOCKER_HOST: api.host,
    RTMANAGER_DOCKER_NETWORK: NETWORK,
    RTMANAGER_GAME_STATE_ROOT: stateRoot,
    RTMANAGER_LOBBY_INTERNAL_BASE_URL: 'http://127.0.0.1:1',
    RTMANAGER_STREAM_BLOCK_TIMEOUT: '200ms',
    RTMANAGER_GAME_LEASE_TTL_SECONDS: '2',
    RTMANAGER_RECONCILE_INTERVAL: `${reconcileMs}ms`,
    RTMANAGER_PROBE_INTERVAL: '24h',
    RTMANAGER_INSPECT_INTERVAL: '24h',
  };
  let victim = makeVictim(variables);
  stack.defer(() => victim.kill());
  await victim.go();
  // The first ticks of the schedules, which come at once on an empty Redis, belong to no story.
  await delay(SETTLE_MS);
  // Loading takes a second of a processor: one after the other, so that the first is up sooner.
  let reserve = makeVictim(variables);
  // A lane may be taken down in the middle of a recovery, which then makes nobody any more.
  let isClosed = false;
  stack.defer(async () => {
    isClosed = true;
    await reserve.kill();
  });
  const opened = stack.move();

  async function die(crossing: Crossing): Promise<void> {
    if (crossing === 'PostgreSQL') {
      await postgres.kill();
      await postgres.start();
    }
    if (crossing.startsWith('Redis')) {
      await server.kill();
      if (crossing === 'Redis, and its data') await rm(server.data, { recursive: true });
      await server.start();
    }
    if (crossing === 'the answer to the next change in Docker') loseNextAnswer();
  }

  return {
    rows: { query: async (text, values = []) => (await pool.query(text, [...values])).rows },
    redis,
    stateRoot,
    docker,
    get victim() {
      return victim;
    },
    started,
    async recover(crossing, dieAt) {
      if (isClosed) return;
      // It has nothing to die of but the machine; should it, it was not the one to be tested.
      victim = reserve.isDead ? makeVictim(variables) : reserve;
      if (dieAt !== undefined) await victim.watch(dieAt);
      // It finds the services gone, or on their way back.
      await Promise.all([die(crossing), victim.go()]);
      if (!isClosed) reserve = makeVictim(variables);
    },
    own: () =>
      [...docker.containers.values()].filter(
        ({ labels, networks }) => labels?.[OWNER_LABEL] === OWNER && networks.includes(NETWORK),
      ),
    disturbed: () =>
      strangers
        .filter(({ id }) => docker.containers.get(id)?.state !== 'running')
        .map(({ name }) => `the container ${name} is gone or stopped`),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

/** Images that do not start, answers that get lost, and events that never come. */
function teach(api: FakeDockerApi, docker: FakeDockerWorld) {
  const started: StartedContainer[] = [];
  let isLost = false;
  const losing =
    (script: Script, lost: Script): Script =>
    (exchange) => {
      if (!isLost) return script(exchange);
      isLost = false;
      return lost(exchange);
    };
  for (const route of CHANGES) api.always(route, losing(pass(), actThenDrop()));
  api.always('POST /containers/:id/start', (exchange) => {
    const container = docker.containers.get(exchange.request.params[0] ?? '');
    if (container?.image === BROKEN) return losing(refuse(400, 'exec: no such file'), drop())(exchange);
    const operationId = container?.labels?.[OPERATION_LABEL];
    if (container && operationId) started.push({ id: container.id, operationId });
    return losing(pass(), actThenDrop())(exchange);
  });
  api.always('GET /events', ({ response }) => response.writeHead(200).flushHeaders());
  return {
    started,
    loseNextAnswer: () => {
      isLost = true;
    },
  };
}
