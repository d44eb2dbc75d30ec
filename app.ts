import { once } from 'node:events';
import { hostname } from 'node:os';
import type { DatabasePool } from 'slonik';
import { sql } from 'slonik';
import { handlers } from './handlers/index.ts';
import type { Config } from './lib/config.ts';
import { makeDockerConnection } from './lib/docker/connection.ts';
import { type Docker, makeDocker } from './lib/docker/docker.ts';
import { makeImageStore } from './lib/docker/image-store.ts';
import { networkMissing } from './lib/docker/run-game.ts';
import { makeLobbyClient } from './lib/lobby-client.ts';
import type { Logger } from './lib/logger.ts';
import { makeRegistryAuth } from './lib/registry-auth.ts';
import { makeExpressApp } from './openapi/express-app.ts';
import { openListener } from './openapi/listener.ts';
import { makeEntryDecoder } from './queues/decode-entry.ts';
import { makeDispatcher } from './queues/dispatch.ts';
import { makeLeaseKeeper } from './queues/leases.ts';
import { startLifecycleWorkers } from './queues/lifecycle-workers.ts';
import { makeOutbox } from './queues/outbox.ts';
import { startPump } from './queues/pump.ts';
import { makeRedis, type RedisRole, untilReady } from './queues/redis.ts';
import { repair } from './queues/repair.ts';
import { makeRunHead } from './queues/run-operation.ts';
import { startSchedules } from './queues/schedules.ts';
import { getDeploymentId } from './sql/deployment.ts';
import { makePool } from './sql/pool.ts';
import { prepareDatabase } from './sql/prepare-database.ts';

/** Connections for the pump, publishing and repair, so that a storm of operations can not starve them. */
const BACKGROUND_CONNECTIONS = 3;
/** Renewal of leases waits for nobody: it would lose every operation of this replica. */
const LEASE_CONNECTIONS = 1;
const REPAIR_INTERVAL_MS = 2_000;
const REDIS_WAIT_MS = 3_000;

export interface App {
  /** Where the internal listener is reached. */
  readonly url: string;
  /** Stops in the order in which nothing is lost; see docs/walkthrough.md. */
  close(): Promise<void>;
}

/**
 * Builds the service and starts it: the one place that knows all parts. Everything opened registers its close on the
 * same line, and is closed in reverse, also when the start fails half-way. PostgreSQL must answer; Redis and Docker
 * may come later. `stopping` ends the wait for PostgreSQL, with its own reason.
 */
export async function startApp(
  config: Config,
  log: Logger,
  stopping: AbortSignal = new AbortController().signal,
): Promise<App> {
  await using stack = new AsyncDisposableStack();
  const { dsn, maxConnections } = config.postgres;
  // A migration that is left behind here ends with the process, and PostgreSQL takes it back whole.
  const stopped = once(stopping, 'abort').then(() => stopping.throwIfAborted());
  const applied = (await Promise.race([prepareDatabase(dsn, log), stopped])) ?? [];
  if (applied.length > 0) log.info('migrations applied', { migrations: applied });

  const openPool = async (name: string, max: number): Promise<DatabasePool> =>
    stack.adopt(await makePool({ dsn, max, name }), (pool) => pool.end());
  const openRedis = (role: RedisRole) =>
    stack.adopt(makeRedis(config, role, log), (redis) => redis.disconnect());

  const db = await openPool(
    'rtmanager-operations',
    maxConnections - BACKGROUND_CONNECTIONS - LEASE_CONNECTIONS,
  );
  const backgroundDb = await openPool('rtmanager-background', BACKGROUND_CONNECTIONS);
  const leaseDb = await openPool('rtmanager-leases', LEASE_CONNECTIONS);
  const redis = openRedis('fast');
  await untilReady(redis, REDIS_WAIT_MS);
  const workerRedis = openRedis('queue');

  // Replicas share a database, and so the names of their queues; another Runtime Manager on this Redis does not.
  const prefix = `rtm-${await getDeploymentId(db)}`;
  const docker = buildDocker(config);
  const lobby = stack.adopt(makeLobbyClient(config.lobby), (client) => client.close());
  const leaseMs = config.lifecycle.leaseTtlMs;
  const leases = stack.adopt(makeLeaseKeeper(leaseDb, { leaseMs, log }), (keeper) => keeper.close());
  const queueCount = config.lifecycle.queues;
  const dispatcher = stack.adopt(makeDispatcher({ connection: redis, prefix, queueCount, log }), (one) =>
    one.close(),
  );
  const { jobResults, healthEvents, notificationIntents, deadLetters, startJobs, stopJobs } = config.streams;
  const outbox = makeOutbox({
    db: backgroundDb,
    redis,
    prefix,
    maxLen: config.streams.maxLen,
    streams: {
      job_results: jobResults,
      health_events: healthEvents,
      notification_intents: notificationIntents,
      dead_letters: deadLetters,
    },
  });

  const now = Date.now;
  const retryWindowMs = config.docker.retryWindowMs;
  const runHead = makeRunHead({
    db,
    docker,
    leases,
    handlers,
    leaseMs,
    retryWindowMs,
    log,
    shared: { lobby, config, now },
  });
  const shutdownMs = config.shutdown.timeoutMs;

  const workers = stack.adopt(
    startLifecycleWorkers({
      connection: workerRedis,
      prefix,
      queueCount,
      concurrency: config.lifecycle.concurrency,
      db,
      runHead,
      dispatcher,
      outbox,
      leases,
      leaseMs,
      log,
    }),
    (one) => one.close(shutdownMs),
  );
  stack.adopt(
    startSchedules({
      connection: redis,
      workerConnection: workerRedis,
      prefix,
      leaseMs,
      log,
      schedules: [
        {
          name: 'repair',
          everyMs: REPAIR_INTERVAL_MS,
          run: () => repair({ db: backgroundDb, dispatcher, outbox, log }),
        },
      ],
    }),
    (schedules) => schedules.close(),
  );
  const pump = stack.adopt(
    startPump({
      db: backgroundDb,
      redis: openRedis('reader'),
      streams: [startJobs, stopJobs],
      blockMs: config.streams.blockTimeoutMs,
      decoder: makeEntryDecoder({ startJobs, stopJobs, now }),
      dispatcher,
      outbox,
      log,
    }),
    (one) => one.close(),
  );

  const app = makeExpressApp({
    db,
    log,
    token: config.http.token,
    readiness: {
      postgres: async () => void (await db.query(sql.unsafe`select 1`)),
      redis: async () => void (await redis.ping()),
      docker: (signal) => docker.ping(signal),
      network: async (signal) => {
        if (!(await docker.hasNetwork(signal))) throw networkMissing(config.docker.network);
      },
    },
  });
  const listener = stack.adopt(await openListener(config.http, app), (one) => one.close(shutdownMs));
  log.info('Runtime Manager is up', { url: listener.url, host: hostname() });

  const opened = stack.move();
  return {
    url: listener.url,
    async close() {
      // Together, because a request that waits for its operation ends when that does, and within one deadline.
      await Promise.all([listener.close(shutdownMs), pump.close(), workers.close(shutdownMs)]);
      await opened.disposeAsync();
    },
  };
}

function buildDocker(config: Config): Docker {
  const { host, tlsCaFile, tlsCertFile, tlsKeyFile, network, parallelStarts, parallelPulls } = config.docker;
  const usesTls = tlsCaFile ?? tlsCertFile;
  const connection = makeDockerConnection({
    host,
    tls: usesTls ? { ca: tlsCaFile, cert: tlsCertFile, key: tlsKeyFile } : undefined,
  });
  const images = makeImageStore(connection, {
    policy: config.image.pullPolicy,
    pullTimeoutMs: config.image.pullTimeoutMs,
    parallelPulls,
    registryAuth: makeRegistryAuth(config.docker.registryAuthFile),
  });
  return makeDocker(connection, { network, parallelStarts, images });
}
