import { RedisUnusableError } from './redis-error.ts';

/** The answer to INFO, by field. Empty where Redis forbids INFO to its user. */
export type RedisInfo = Readonly<Record<string, string | undefined>>;

/** RTM reads dead letters with exclusive ranges, and BullMQ recommends this version too. */
const MIN_VERSION = [6, 2] as const;

export const parseInfo = (text: string): RedisInfo =>
  Object.fromEntries([...text.matchAll(/^(\w+):(.*?)\r?$/gm)].map(([, name, value]) => [name, value]));

/** Why RTM cannot work with the server that this INFO describes; undefined when it can. */
export function flawOf(info: RedisInfo): RedisUnusableError | undefined {
  if (info.redis_version === undefined) {
    return new RedisUnusableError(
      'redis_permission',
      'The user of RTM may not run INFO. Grant +info in Redis',
    );
  }
  if (info.cluster_enabled === '1') {
    return new RedisUnusableError(
      'redis_cluster',
      'The address leads to a Redis Cluster. RTM needs a Redis without cluster mode: one command reads several streams',
    );
  }
  const [major = 0, minor = 0] = info.redis_version.split('.').map(Number);
  if (major < MIN_VERSION[0] || (major === MIN_VERSION[0] && minor < MIN_VERSION[1])) {
    return new RedisUnusableError(
      'redis_version',
      `Redis ${info.redis_version} is too old. RTM needs Redis ${MIN_VERSION.join('.')} or newer`,
    );
  }
  if (info.role === 'slave') {
    return new RedisUnusableError(
      'redis_replica',
      'The address leads to a read-only replica of Redis. RTMANAGER_REDIS_MASTER_ADDR must lead to the primary',
    );
  }
  return undefined;
}

/** What an operator should change about a Redis that RTM works with. */
export function warningsOf({ maxmemory_policy: policy }: RedisInfo): readonly string[] {
  if (policy === undefined || policy === 'noeviction') return [];
  return [
    `Redis has maxmemory-policy ${policy} and may evict jobs and messages when its memory is full. Set noeviction`,
  ];
}
