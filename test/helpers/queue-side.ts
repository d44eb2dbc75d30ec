import type { Redis } from 'ioredis';
import type { DatabasePool } from 'slonik';
import type { Handlers } from '../../handlers/types.ts';
import type { Config } from '../../lib/config.ts';
import type { Docker } from '../../lib/docker/docker.ts';
import type { LobbyClient } from '../../lib/lobby-client.ts';
import { makeEntryDecoder } from '../../queues/decode-entry.ts';
import { type Dispatcher, makeDispatcher } from '../../queues/dispatch.ts';
import { makeFollowUp } from '../../queues/follow-up.ts';
import { type LeaseKeeper, makeLeaseKeeper } from '../../queues/leases.ts';
import { type LifecycleWorkers, startLifecycleWorkers } from '../../queues/lifecycle-workers.ts';
import { makeOutbox, type Outbox } from '../../queues/outbox.ts';
import { startPump } from '../../queues/pump.ts';
import type { RedisRole } from '../../queues/redis.ts';
import { repair } from '../../queues/repair.ts';
import { makeRunHead, type RunHead } from '../../queues/run-operation.ts';
import { type StartGate, UNBOUNDED } from '../../queues/start-gate.ts';
import { makePool } from '../../sql/pool.ts';
import { STREAMS } from './lobby.ts';
import { type MemoryLogger, makeMemoryLogger } from './memory-logger.ts';
import type { TestRedis } from './redis.ts';
import { connectAs } from './redis-connection.ts';
import type { Store } from './store.ts';
import type { TcpProxy } from './tcp-proxy.ts';

export const PREFIX = 'rtm-test';

export interface QueueSideOptions {
  readonly store: Store;
  readonly redis: TestRedis;
  /** Shown in pg_stat_activity; tells replicas of one test apart. */
  readonly name?: string;
  /** Ways to PostgreSQL and Redis that the test can cut. */
  readonly postgresThrough?: { readonly dsn: string };
  readonly redisThrough?: TcpProxy;
  readonly handlers?: Partial<Handlers>;
  /** For handlers that wait for an image. */
  readonly docker?: Docker;
  readonly queueCount?: number;
  readonly leaseMs?: number;
  readonly retryWindowMs?: number;
  readonly maxLen?: number;
  /** How long the pump may say nothing to PostgreSQL. */
  readonly pumpSilenceMs?: number;
  readonly now?: () => number;
}

/** The queue side of one replica, without Docker: games are run by the handlers that a test brings. */
export interface QueueSide extends AsyncDisposable {
  readonly db: DatabasePool;
  readonly redis: Redis;
  readonly log: MemoryLogger;
  readonly dispatcher: Dispatcher;
  readonly leases: LeaseKeeper;
  readonly outbox: Outbox;
  readonly runHead: RunHead;
  /** Runs the head of a game, as a worker does. */
  run(gameId: string): ReturnType<RunHead>;
  repair(): Promise<void>;
  startPump(): Promise<{ close(): Promise<void> }>;
  startWorkers(concurrency?: number, startGate?: StartGate): Promise<LifecycleWorkers>;
}

/** Docker for handlers that use none. */
const NO_DOCKER = { forAttempt: () => ({}) } as unknown as Docker;

export async function makeQueueSide(options: QueueSideOptions): Promise<QueueSide> {
  const { store, redis: testRedis, name = 'replica', leaseMs = 5_000, queueCount = 2 } = options;
  await using stack = new AsyncDisposableStack();
  const log = makeMemoryLogger();
  const { dsn } = options.postgresThrough ?? store;
  const pool = async (part: string, max: number) =>
    stack.adopt(await makePool({ dsn, max, name: `${name}-${part}` }), (one) => one.end());
  const connect = (role: RedisRole) =>
    connectAs(testRedis, { role, log, ...(options.redisThrough ? { through: options.redisThrough } : {}) });

  const [db, backgroundDb] = [await pool('operations', 10), await pool('background', 6)];
  const redis = stack.adopt(await connect('fast'), (one) => one.disconnect());
  const leases = stack.adopt(makeLeaseKeeper(backgroundDb, { leaseMs, log }), (one) => one.close());
  const dispatcher = stack.adopt(
    makeDispatcher({ connection: redis, prefix: PREFIX, queueCount, log }),
    (one) => one.close(),
  );
  const { jobResults, healthEvents, intents, deadLetters, startJobs, stopJobs } = STREAMS;
  const outbox = makeOutbox({
    db: backgroundDb,
    redis,
    prefix: PREFIX,
    maxLen: options.maxLen ?? 100_000,
    streams: {
      job_results: jobResults,
      health_events: healthEvents,
      notification_intents: intents,
      dead_letters: deadLetters,
    },
  });
  const runHead = makeRunHead({
    db,
    docker: options.docker ?? NO_DOCKER,
    leases,
    handlers: (options.handlers ?? {}) as Handlers,
    leaseMs,
    retryWindowMs: options.retryWindowMs ?? 60_000,
    shared: { lobby: {} as LobbyClient, config: {} as Config, now: options.now ?? Date.now },
    log,
  });
  const opened = stack.move();
  return {
    db,
    redis,
    log,
    dispatcher,
    leases,
    outbox,
    runHead,
    run: (gameId) => runHead(gameId, { waiting: (work) => work(), approach: UNBOUNDED }),
    repair: () => repair({ db: backgroundDb, dispatcher, outbox, log }),
    async startPump() {
      const reader = await connect('reader');
      return opened.adopt(
        startPump({
          db: backgroundDb,
          redis: reader,
          streams: { start_jobs: startJobs, stop_jobs: stopJobs },
          blockMs: 100,
          decoder: makeEntryDecoder({ startJobs, stopJobs, now: Date.now }),
          dispatcher,
          outbox,
          log,
          ...(options.pumpSilenceMs === undefined ? {} : { silenceMs: options.pumpSilenceMs }),
        }),
        (pump) => pump.close(),
      );
    },
    async startWorkers(concurrency = 16, startGate) {
      const connection = await connect('queue');
      opened.defer(() => connection.disconnect());
      return opened.adopt(
        startLifecycleWorkers({
          connection,
          prefix: PREFIX,
          queueCount,
          concurrency,
          ...(startGate ? { startGate } : {}),
          runHead,
          followUp: makeFollowUp({ db, outbox, dispatcher, log }),
          leases,
          leaseMs,
          log,
        }),
        (workers) => workers.close(1_000),
      );
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}
