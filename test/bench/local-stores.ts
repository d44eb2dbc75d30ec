import { startPrivateStores } from '../helpers/private-stores.ts';

/**
 * Lets what makes worlds for tests use stores on this host. Those of the tests are containers, and behind Docker's port proxy
 * each question to them costs the cores that Docker is measured on.
 */
export async function useLocalStores(): Promise<AsyncDisposable> {
  const stores = await startPrivateStores('bench');
  process.env.TEST_POSTGRES_DSN = stores.dsn;
  process.env.TEST_REDIS_ADDR = `127.0.0.1:${stores.redisPort}`;
  return stores;
}
