import type { DatabasePool } from 'slonik';
import { makeBatcher } from '../lib/batcher.ts';
import { makeSemaphore } from '../lib/semaphore.ts';
import { getRuntimes, listRuntimes, type Runtime } from '../sql/runtimes.ts';
import { inTime } from './in-time.ts';

/**
 * Look-ups and lists under way at once, each: however many clients read, mutations find a connection of the REST pool
 * soon (docs/decisions/0011-readers-share-queries.md).
 */
const PARALLEL_READS = 1;

export interface RuntimeReads {
  /** The game's runtime, or undefined when it never had one; `service_unavailable` when PostgreSQL is silent. */
  find(gameId: string): Promise<Runtime | undefined>;
  list(page: Parameters<typeof listRuntimes>[1]): Promise<readonly Runtime[]>;
}

/**
 * Two limits of time: a client hears that it waited too long, and a connection that has fallen silent gives its turn to
 * the next question, which takes another connection. The pool replaces the silent one (sql/driver.ts).
 */
export function makeRuntimeReads(db: DatabasePool): RuntimeReads {
  const find = makeBatcher<string, Runtime>({
    parallel: PARALLEL_READS,
    findMany: async (gameIds) => {
      const found = await inTime(getRuntimes(db, gameIds));
      return new Map(found.map((runtime) => [runtime.gameId, runtime]));
    },
  });
  const lists = makeSemaphore(PARALLEL_READS);
  return {
    find: (gameId) => inTime(find(gameId)),
    list: (page) => inTime(lists.run(() => inTime(listRuntimes(db, page)))),
  };
}
