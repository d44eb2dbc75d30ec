import type { StartedPostgreSqlContainer } from '@testcontainers/postgresql';
import type { StartedRedisContainer } from '@testcontainers/redis';
import { SESSION, SESSION_LABEL } from '../../dev/session.ts';

/** A Redis that specs share; each suite takes a logical database of it with `makeRedis`. */
export interface RedisAddress {
  readonly host: string;
  readonly port: number;
  /** `host:port`, as RTMANAGER_REDIS_MASTER_ADDR takes it. */
  readonly addr: string;
  /** True for one that was given by TEST_REDIS_ADDR, and whose data is somebody else's. */
  readonly external: boolean;
}

// Ryuk, the container that cleans up after testcontainers, would have to be pulled; labels do its work here.
process.env.TESTCONTAINERS_RYUK_DISABLED = 'true';

const labels = { [SESSION_LABEL]: SESSION };

let postgresContainer: Promise<StartedPostgreSqlContainer> | undefined;
let redisContainer: Promise<StartedRedisContainer> | undefined;
let stopping: Promise<void> | undefined;

/**
 * The DSN of the PostgreSQL of this run: TEST_POSTGRES_DSN, or one container, started at the first call, so
 * that a run of pure unit specs pays for none. Its user may create databases.
 */
export async function postgres(): Promise<string> {
  if (process.env.TEST_POSTGRES_DSN) return process.env.TEST_POSTGRES_DSN;
  assertOpen();
  postgresContainer ??= startPostgres();
  return (await postgresContainer).getConnectionUri();
}

/** The Redis of this run: TEST_REDIS_ADDR (`host:port`), or one container, started at the first call. */
export async function redis(): Promise<RedisAddress> {
  if (process.env.TEST_REDIS_ADDR) return parseAddress(process.env.TEST_REDIS_ADDR);
  assertOpen();
  redisContainer ??= startRedis();
  const started = await redisContainer;
  const [host, port] = [started.getHost(), started.getPort()];
  return { host, port, addr: `${host}:${port}`, external: false };
}

/**
 * Stops what was started, each part whatever became of the other, and throws the first thing that went wrong.
 * Nothing can be started afterwards, since a run that is stopped half-way still has suites under way.
 */
export async function stopServices(): Promise<void> {
  stopping ??= stopAll();
  await stopping;
}

async function stopAll(): Promise<void> {
  const started = [postgresContainer, redisContainer];
  const outcomes = await Promise.allSettled(
    started.map(async (container) => (await container)?.stop({ timeout: 0 })),
  );
  const failed = outcomes.find((outcome) => outcome.status === 'rejected');
  if (failed) throw failed.reason;
}

function assertOpen(): void {
  if (stopping) throw new Error('the services of this run are stopped already');
}

let durability: readonly string[] = [];

/**
 * Lets PostgreSQL leave writing to the disk to the kernel: no spec loses power, and each makes a database of its own.
 * Not for benchmarks.
 */
export function spareTheDisk(): void {
  durability = ['-c', 'fsync=off', '-c', 'full_page_writes=off'];
}

async function startPostgres(): Promise<StartedPostgreSqlContainer> {
  const { PostgreSqlContainer } = await import('@testcontainers/postgresql');
  const { Wait } = await import('testcontainers');
  return (
    new PostgreSqlContainer(process.env.PG_IMAGE ?? 'postgres:18-alpine')
      .withCommand(['postgres', '-c', 'max_connections=300', ...durability])
      .withLabels(labels)
      // The library's own check starts a process in the container four times a second, as long as the run lasts.
      .withHealthCheck({ test: ['CMD-SHELL', 'exit 0'], interval: 3_600_000 })
      .withWaitStrategy(Wait.forSuccessfulCommand('pg_isready --host localhost'))
      .start()
  );
}

async function startRedis(): Promise<StartedRedisContainer> {
  const { RedisContainer } = await import('@testcontainers/redis');
  return new RedisContainer(process.env.REDIS_IMAGE ?? 'redis:7-alpine')
    .withCommand(['redis-server', '--save', '', '--databases', '64'])
    .withLabels(labels)
    .start();
}

function parseAddress(addr: string): RedisAddress {
  const at = addr.lastIndexOf(':');
  return { host: addr.slice(0, at), port: Number(addr.slice(at + 1)), addr, external: true };
}
