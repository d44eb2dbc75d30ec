import { assertRedisWritable } from './assert-redis-writable.ts';
import type { GuardedRedis } from './guarded-redis.ts';
import { RedisUnusableError } from './redis-error.ts';
import type { RedisRefusals } from './redis-refusals.ts';
import { parseInfo, warningsOf } from './redis-server.ts';

/**
 * Rejects with the reason while RTM cannot work with Redis; resolves with what an operator should change about it.
 *
 * @param redis a connection that fails fast
 * @param prefix first part of every key of RTM
 */
export async function checkRedis(
  redis: GuardedRedis,
  prefix: string,
  refusals: RedisRefusals,
): Promise<readonly string[]> {
  await assertConnected(redis);
  const [info] = await Promise.all([redis.info('memory'), assertRedisWritable(redis, prefix)]);
  refusals.assertNone();
  return warningsOf(parseInfo(info));
}

async function assertConnected(redis: GuardedRedis): Promise<void> {
  if (redis.status === 'ready') return;
  throw (await missingDatabase(redis)) ?? redis.trouble ?? new Error('Redis has not answered yet');
}

/**
 * The error for a database that Redis does not have, with the number of those that it has; undefined where that is not
 * what keeps the connection from being used. Redis says neither in its refusal, so another connection asks.
 */
export async function missingDatabase(redis: GuardedRedis): Promise<RedisUnusableError | undefined> {
  const { trouble } = redis;
  if (!(trouble instanceof RedisUnusableError) || trouble.code !== 'redis_database') return undefined;
  const asking = redis.duplicate({ db: 0, lazyConnect: true, retryStrategy: () => null }) as GuardedRedis;
  try {
    await asking.connect();
    const [, count] = (await asking.config('GET', 'databases')) as string[];
    if (count === undefined) return trouble;
    return new RedisUnusableError(
      trouble.code,
      `${trouble.message}. Redis has ${count} databases, 0 to ${Number(count) - 1}`,
    );
  } catch {
    // Also a Cluster refuses every other database: then the answer is that one.
    return asking.trouble instanceof RedisUnusableError ? asking.trouble : trouble;
  } finally {
    asking.disconnect();
  }
}
