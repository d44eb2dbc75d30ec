import type { Redis } from 'ioredis';
import type { Config } from '../../lib/config.ts';
import type { Logger } from '../../lib/logger.ts';
import { makeRedis, type RedisRole, untilReady } from '../../queues/redis.ts';
import { makeMemoryLogger } from './memory-logger.ts';

interface Address {
  readonly host: string;
  readonly port: number;
}

interface ConnectOptions {
  readonly role?: RedisRole;
  /** Instead of the Redis itself, such as a proxy in front of it. */
  readonly through?: Address;
  readonly log?: Logger;
}

/** A connection as the service opens it, ready to be used; the caller disconnects it. */
export async function connectAs(
  { addr, db }: { readonly addr: string; readonly db: number },
  { role = 'fast', through = parseAddr(addr), log = makeMemoryLogger() }: ConnectOptions = {},
): Promise<Redis> {
  const config = {
    redis: { addr: { host: through.host, port: through.port }, db, tls: false },
    streams: { blockTimeoutMs: 200 },
  } as Config;
  const redis = makeRedis(config, role, log);
  await untilReady(redis, 5_000);
  return redis;
}

export function parseAddr(addr: string): Address {
  const at = addr.lastIndexOf(':');
  return { host: addr.slice(0, at), port: Number(addr.slice(at + 1)) };
}
