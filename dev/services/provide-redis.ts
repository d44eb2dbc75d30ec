import type { RedisOptions } from 'ioredis';
import { Redis } from 'ioredis';
import { findRedisServer } from '../machine/services.mjs';
import { SetUpError, step } from '../steps.ts';
import { startRedis } from './start-redis.ts';

/** How to connect; without the one option that ioredis declares in two ways that do not fit each other. */
export type ConnectOptions = Omit<RedisOptions, 'replyMapping'>;

/** A Redis for a run, and what has to be undone in the end. */
export interface ProvidedRedis {
  readonly options: ConnectOptions;
  /** `host:port`, as RTMANAGER_REDIS_MASTER_ADDR takes it. */
  readonly addr: string;
  readonly isPrivate: boolean;
  release(): Promise<void>;
}

/** The Redis that RTMANAGER_REDIS_MASTER_ADDR names, or a private one with its files under `dir`. */
export async function provideRedis(
  dir: string,
  { mustBeEmpty }: { mustBeEmpty: boolean },
): Promise<ProvidedRedis> {
  const given = process.env.RTMANAGER_REDIS_MASTER_ADDR;
  return step('Redis', async () => {
    if (given) return { value: await useGiven(given, mustBeEmpty), name: `Redis at ${given}`, how: 'given' };
    const program = findRedisServer();
    if (!program) throw new SetUpError('there is no redis-server');
    const { port, version, stop } = await startRedis(program, dir);
    const addr = `127.0.0.1:${port}`;
    const value = { options: { host: '127.0.0.1', port }, addr, isPrivate: true, release: stop };
    return { value, name: `Redis ${version} on port ${port}`, how: 'started' };
  });
}

/** Somebody else's Redis: a run that cleans up after itself works in an empty logical database only. */
async function useGiven(addr: string, mustBeEmpty: boolean): Promise<ProvidedRedis> {
  const at = addr.lastIndexOf(':');
  const options: ConnectOptions = {
    host: addr.slice(0, at).replace(/^\[|\]$/g, ''),
    port: Number(addr.slice(at + 1)),
    db: Number(process.env.RTMANAGER_REDIS_DB ?? 0),
    maxRetriesPerRequest: 1, // say soon that it does not answer
  };
  if (process.env.RTMANAGER_REDIS_PASSWORD) options.password = process.env.RTMANAGER_REDIS_PASSWORD;
  if (process.env.RTMANAGER_REDIS_TLS === 'true') options.tls = {};
  const withClient = async (work: (client: Redis) => Promise<void>): Promise<void> => {
    const client = new Redis(options);
    let reason: Error | undefined;
    client.on('error', (error) => {
      reason = error; // the command itself only tells that it was given up
    });
    try {
      await work(client);
    } catch (error) {
      if (error instanceof SetUpError) throw error;
      throw new SetUpError(`Redis at ${addr}: ${String(reason ?? error)}`);
    } finally {
      client.disconnect();
    }
  };
  await withClient(async (client) => {
    if ((await client.dbsize()) === 0 || !mustBeEmpty) return;
    throw new SetUpError(
      `Redis at ${addr}: logical database ${options.db} is not empty; set RTMANAGER_REDIS_DB`,
    );
  });
  const release = (): Promise<void> => withClient(async (client) => void (await client.flushdb()));
  return { options, addr, isPrivate: false, release: mustBeEmpty ? release : async () => undefined };
}
