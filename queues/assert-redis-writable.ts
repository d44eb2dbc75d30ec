import type { Redis } from 'ioredis';

/** Only to be seen by people. */
const KEPT_MS = 60_000;

/**
 * Rejects when Redis is away, and also when it answers and takes nothing: without memory, as a replica of another
 * Redis, with a disk that it can not write to. A PING does not find that out.
 */
export async function assertRedisWritable(redis: Redis, prefix: string): Promise<void> {
  await redis.set(`${prefix}:ready`, new Date().toISOString(), 'PX', KEPT_MS);
}
