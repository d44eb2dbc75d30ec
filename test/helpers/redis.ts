import { Redis } from 'ioredis';
import { eventually } from './eventually.ts';
import { redis } from './services.ts';

/** A logical Redis database of a suite's own, empty. */
export interface TestRedis {
  /** `host:port`, as RTMANAGER_REDIS_MASTER_ADDR takes it. */
  readonly addr: string;
  /** The number of the logical database, as RTMANAGER_REDIS_DB takes it. */
  readonly db: number;
  /** A connection to it, closed by `release`. */
  readonly client: Redis;
  /**
   * Empties the database and gives it back. Rejects when somebody is still connected to it, and then keeps it from the
   * suites to come: workers that one suite forgot would take their jobs.
   */
  release(): Promise<void>;
}

const taken = new Set<number>();

/**
 * Takes a logical database. It counts as free when nobody in this run holds it and, in a Redis that was given
 * by TEST_REDIS_ADDR, when it is empty: data that is not ours is never flushed.
 */
export async function makeRedis(): Promise<TestRedis> {
  const { host, port, addr, external } = await redis();
  for (let db = 0; db < (external ? 16 : 64); db += 1) {
    if (taken.has(db)) continue;
    taken.add(db);
    const client = new Redis({ host, port, db });
    if (external && (await client.dbsize()) > 0) {
      client.disconnect();
      continue;
    }
    await client.flushdb();
    return { addr, db, client, release: () => release(client, db) };
  }
  throw new Error(
    `no free logical database in the Redis at ${addr}: does every suite release the one it made?`,
  );
}

async function release(client: Redis, db: number): Promise<void> {
  client.disconnect();
  const { host, port } = await redis();
  const own = new Redis({ host, port, db });
  try {
    await eventually(async () => (await listClients(own, db)).length === 1, {
      what: `the connections to logical database ${db} of Redis to be closed by the suite that opened them`,
    });
    await own.flushdb();
    taken.delete(db);
  } finally {
    own.disconnect();
  }
}

async function listClients(client: Redis, db: number): Promise<string[]> {
  const list = (await client.client('LIST')) as string;
  return list.split('\n').filter((line) => line.split(' ').includes(`db=${db}`));
}
