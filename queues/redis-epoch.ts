import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';

/**
 * Names the life of a Redis: its process (`run_id`) and a marker key that its data carries. A restart, a
 * failover and a flush each change one of the two. Comparing stream ids would not do: they are made of the
 * time, so an emptied Redis soon hands out higher ones.
 */
export interface RedisEpoch {
  /** The current epoch. Rejects when Redis does not answer. */
  current(): Promise<string>;
}

export function makeRedisEpoch(redis: Redis, prefix: string): RedisEpoch {
  const markerKey = `${prefix}:epoch`;
  let runId: string | undefined;
  redis.on('close', () => {
    runId = undefined;
  });
  return {
    async current() {
      runId ??= parseRunId(await redis.info('server'));
      const [, marker] = await Promise.all([redis.set(markerKey, randomUUID(), 'NX'), redis.get(markerKey)]);
      return `${runId}/${marker}`;
    },
  };
}

const parseRunId = (info: string): string => /^run_id:(\w+)/m.exec(info)?.[1] ?? 'unknown';
