import { rm } from 'node:fs/promises';
import { findRedisServer } from '../../dev/machine/services.mjs';
import { fetchPostgres } from '../../dev/services/postgres-package.ts';
import { makeRunDirectory } from '../../dev/services/run-directory.ts';
import { startPostgres } from '../../dev/services/start-postgres.ts';
import { startRedis } from '../../dev/services/start-redis.ts';
import { shortId } from '../../dev/session.ts';

/** A PostgreSQL that writes durably and a Redis that nobody else uses. */
interface PrivateStores extends AsyncDisposable {
  readonly dsn: string;
  readonly redisPort: number;
}

/**
 * Starts both as processes of this host, in half a second.
 *
 * @param what stands in the name of their directory
 */
export async function startPrivateStores(what: string): Promise<PrivateStores> {
  await using stack = new AsyncDisposableStack();
  const dir = await makeRunDirectory(`${what}-${shortId()}`);
  stack.defer(() => rm(dir, { recursive: true, force: true }));
  const program = findRedisServer();
  if (!program) throw new Error('there is no Redis on this machine: install redis-server or redis-tools');
  const { tree } = await fetchPostgres();
  const { port } = stack.adopt(await startRedis(program, dir), (one) => one.stop());
  const { dsn } = stack.adopt(await startPostgres(tree, dir), (one) => one.stop());
  const opened = stack.move();
  return { dsn, redisPort: port, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}
