import { rm } from 'node:fs/promises';
import { findRedisServer } from '../../dev/machine/services.mjs';
import { fetchPostgres } from '../../dev/services/postgres-package.ts';
import { makeRunDirectory } from '../../dev/services/run-directory.ts';
import { startPostgres } from '../../dev/services/start-postgres.ts';
import { startRedis } from '../../dev/services/start-redis.ts';
import { shortId } from '../../dev/session.ts';

interface LocalStores extends AsyncDisposable {
  readonly dsn: string;
  readonly redisPort: number;
}

/** A PostgreSQL that writes durably and a Redis, as processes on this host. */
export async function startLocalStores(): Promise<LocalStores> {
  await using stack = new AsyncDisposableStack();
  const dir = await makeRunDirectory(`bench-${shortId()}`);
  stack.defer(() => rm(dir, { recursive: true, force: true }));
  const { tree } = await fetchPostgres();
  const { dsn } = stack.adopt(await startPostgres(tree, dir), (one) => one.stop());
  const program = findRedisServer();
  if (!program) throw new Error('there is no redis-server');
  const { port } = stack.adopt(await startRedis(program, dir), (one) => one.stop());
  const opened = stack.move();
  return { dsn, redisPort: port, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}

/**
 * Lets what makes worlds for tests use local stores. Those of the tests are containers, and behind Docker's port proxy each
 * question to them costs the cores that Docker is measured on.
 */
export async function useLocalStores(): Promise<AsyncDisposable> {
  const stores = await startLocalStores();
  process.env.TEST_POSTGRES_DSN = stores.dsn;
  process.env.TEST_REDIS_ADDR = `127.0.0.1:${stores.redisPort}`;
  return stores;
}
