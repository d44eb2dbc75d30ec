import type { Redis, RedisOptions } from 'ioredis';
import type { Config } from '../lib/config.ts';
import type { Logger } from '../lib/logger.ts';
import { GuardedRedis } from './guarded-redis.ts';
import { replyCode } from './redis-error.ts';
import { makeRedisRefusals, type RedisRefusals } from './redis-refusals.ts';
import { warningsOf } from './redis-server.ts';

/**
 * How a connection behaves while Redis is away:
 * `fast` fails at once, for commands that somebody waits for; `queue` waits, for BullMQ's workers, which poll;
 * `reader` blocks in XREAD. Each notices a connection that died in silence.
 */
export type RedisRole = 'fast' | 'queue' | 'reader';

const COMMAND_TIMEOUT_MS = 3_000;
/** Between two tries to connect, at most; also while Redis loads its data, whatever it says how long that will take. */
const RETRY_MS = 1_000;
/**
 * Nothing was heard for so long after a command: the connection is replaced, which the kernel might never do by itself.
 * BullMQ waits for jobs up to 10 s.
 */
const SILENCE_MS = { fast: 4_000, queue: 15_000 };

type RoleOptions = Pick<
  RedisOptions,
  'maxRetriesPerRequest' | 'enableOfflineQueue' | 'commandTimeout' | 'socketTimeout'
>;

function roleOptions(role: RedisRole, blockMs: number): RoleOptions {
  switch (role) {
    case 'fast':
      return {
        maxRetriesPerRequest: 1,
        enableOfflineQueue: false,
        commandTimeout: COMMAND_TIMEOUT_MS,
        socketTimeout: SILENCE_MS.fast,
      };
    case 'queue':
      return { maxRetriesPerRequest: null, socketTimeout: SILENCE_MS.queue };
    case 'reader':
      return {
        maxRetriesPerRequest: 0,
        enableOfflineQueue: false,
        socketTimeout: blockMs + COMMAND_TIMEOUT_MS,
      };
  }
}

/**
 * Opens a connection that reconnects by itself; it logs the loss, each new reason why it cannot be used, and the return.
 * `refusals` gets commands that Redis forbids. The caller closes the connection.
 */
export function makeRedis(
  config: Config,
  role: RedisRole,
  log: Logger,
  refusals: RedisRefusals = makeRedisRefusals(),
): GuardedRedis {
  const { addr, password, db, tls } = config.redis;
  const redis = new GuardedRedis(
    {
      protocol: 2,
      host: addr.host,
      port: addr.port,
      db,
      ...(password === undefined ? {} : { password }),
      ...(tls ? { tls: {} } : {}),
      connectionName: `rtmanager-${role}`,
      retryStrategy: (attempt: number) => Math.min(attempt * 100, RETRY_MS),
      maxLoadingRetryTime: RETRY_MS,
      ...roleOptions(role, config.streams.blockTimeoutMs),
    },
    (error) => {
      if (replyCode(error) === 'NOPERM') refusals.note(error);
    },
  );
  logConnection(redis, role, log);
  return redis;
}

function logConnection(redis: GuardedRedis, role: RedisRole, log: Logger): void {
  let told: string | undefined;
  redis.on('error', (thrown) => {
    const error = redis.trouble ?? thrown;
    // One line a reason, although it comes back with each attempt to connect.
    if (told !== error.message) log.warn('Redis connection lost', { connection: role, error });
    told = error.message;
  });
  redis.on('ready', () => {
    if (told !== undefined) log.info('Redis connection is back', { connection: role });
    told = undefined;
    if (role !== 'fast') return;
    for (const warning of warningsOf(redis.server))
      log.warn('Redis has an unsafe configuration', { warning });
  });
}

/** Waits until the connection is usable, `timeoutMs` at most; a Redis that is away is not an error here. */
export async function untilReady(redis: Redis, timeoutMs: number): Promise<void> {
  if (redis.status === 'ready') return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, timeoutMs);
  redis.once('ready', resolve);
  await promise;
  clearTimeout(timer);
  redis.off('ready', resolve);
}
