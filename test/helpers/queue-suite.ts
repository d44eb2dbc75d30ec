import type { Handler, Handlers } from '../../handlers/types.ts';
import { type Lobby, makeLobby } from './lobby.ts';
import { makeQueueSide, type QueueSide, type QueueSideOptions } from './queue-side.ts';
import { makeRedis, type TestRedis } from './redis.ts';
import { makeStore, type Store } from './store.ts';

/** What the specs of queues/ have in common; to be read inside of tests, not before. */
export interface QueueSuite {
  readonly store: Store;
  readonly redis: TestRedis;
  readonly lobby: Lobby;
  /** The queue side of one more replica, closed after the test. */
  makeSide(options?: Partial<QueueSideOptions>): Promise<QueueSide>;
  /** One that runs starts by a handler of the test's own. */
  makeStarter(start: Handler, options?: Partial<QueueSideOptions>): Promise<QueueSide>;
}

/** Gives the suite a store and a Redis, and empties both after each test. */
export function useQueues(): QueueSuite {
  let store: Store;
  let redis: TestRedis;
  const sides: QueueSide[] = [];

  before(async () => {
    store = await makeStore();
    redis = await makeRedis();
  });
  after(async () => {
    await redis?.release();
    await store?.destroy();
  });
  afterEach(async () => {
    for (const side of sides.splice(0)) await side[Symbol.asyncDispose]();
    await redis.client.flushdb();
    await store.clear();
  });

  const makeSide: QueueSuite['makeSide'] = async (options = {}) => {
    const side = await makeQueueSide({ store, redis, ...options });
    sides.push(side);
    return side;
  };
  return {
    get store() {
      return store;
    },
    get redis() {
      return redis;
    },
    get lobby() {
      return makeLobby(redis);
    },
    makeSide,
    makeStarter: (start, options = {}) => makeSide({ ...options, handlers: { start } as Handlers }),
  };
}
