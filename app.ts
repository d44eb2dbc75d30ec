import { once } from 'node:events';
import { hostname } from 'node:os';
import type { DatabasePool } from 'slonik';
import { handlers, tickHandlers } from './handlers/index.ts';
import { noteContainerEvent } from './handlers/note-container-event.ts';
import { planReconciliation, reconcileRuntimes } from './handlers/reconcile-runtimes.ts';
import type { CareContext, TickContext, TickHandler } from './handlers/types.ts';
import { openTokens } from './lib/access-tokens.ts';
import { isLoopback } from './lib/config/address-forms.ts';
import type { Config } from './lib/config.ts';
import { makeConfiguredDocker } from './lib/docker/configured-docker.ts';
import { networkMissing } from './lib/docker/find-network.ts';
import { makeEngineProber } from './lib/engine-prober.ts';
import { makeLobbyClient } from './lib/lobby-client.ts';
import type { Logger } from './lib/logger.ts';
import { planProbes } from './lib/probe-plan.ts';
import { makeStateRootCheck } from './lib/state-root.ts';
import { addGauges } from './lib/telemetry/gauges.ts';
import { openTelemetry } from './lib/telemetry/telemetry.ts';
import { watchDocker } from './lib/telemetry/watch-docker.ts';
import { planRound } from './lib/tick-slice.ts';
import { BOARD_PATH } from './openapi/admin.ts';
import { makeExpressApp } from './openapi/express-app.ts';
import { openListener } from './openapi/listener.ts';
import { makeOpenStreams } from './openapi/open-streams.ts';
import { makeOutcomeWatch } from './openapi/outcome-watch.ts';
import { askOne } from './openapi/readiness.ts';
import { makeBoard } from './queues/board.ts';
import { checkRedis, missingDatabase } from './queues/check-redis.ts';
import { makeDeadLetters } from './queues/dead-letters.ts';
import { makeEntryDecoder } from './queues/decode-entry.ts';
import { makeDispatcher } from './queues/dispatch.ts';
import { startDockerEvents } from './queues/docker-events.ts';
import { makeEventFeed } from './queues/event-feed.ts';
import { startEventJobs } from './queues/event-jobs.ts';
import { makeFollowUp } from './queues/follow-up.ts';
import { makeLeaseKeeper } from './queues/leases.ts';
import { startLifecycleWorkers } from './queues/lifecycle-workers.ts';
import { makeOutbox } from './queues/outbox.ts';
import { startPump } from './queues/pump.ts';
import { makeRedis, type RedisRole, untilReady } from './queues/redis.ts';
import { makeRedisRefusals } from './queues/redis-refusals.ts';
import { repair } from './queues/repair.ts';
import { makeRunHead, type RunHead } from './queues/run-operation.ts';
import { startSchedules, type Tick } from './queues/schedules.ts';
import { makeStartGate, roomFor } from './queues/start-gate.ts';
import { addStoreGauges } from './queues/store-gauges.ts';
import { within } from './queues/within.ts';
import { openClock } from './sql/clock.ts';
import { assertDeployment, getDeploymentId } from './sql/deployment.ts';
import { makePool } from './sql/pool.ts';
import { prepareDatabase } from './sql/prepare-database.ts';
import { makeRefusals } from './sql/refusals.ts';

/** Connections for the pump, publishing and repair, so that a storm of operations can not starve them. */
const BACKGROUND_CONNECTIONS = 3;
/** Renewal of leases waits for nobody: it would lose every operation of this replica. */
const LEASE_CONNECTIONS = 1;
/** REST has its own: clients that ask too much, or all at once, keep each other waiting and no operation. */
const REST_CONNECTIONS = 2;
/** Its clients are told after 10 s that PostgreSQL is silent; until then its connection is replaced. */
const REST_QUERY_TIMEOUT_MS = 8_000;
const REPAIR_INTERVAL_MS = 2_000;
const REDIS_WAIT_MS = 3_000;
/** The first look at all containers takes 3 s with 10,000 of them; a silent Docker must not hold the start for ever. */
const FIRST_PASS_MS = 15_000;
/**
 * For telling those who still wait, when the time to shut down is over, that another replica goes on: longer than the
 * queues' own last words may take while Redis is away.
 */
const LAST_ANSWERS_MS = 5_000;

const OPEN_LISTENER =
  'the listener asks for no token: everybody who reaches it may start, stop and remove games';

export interface App {
  /** Where the internal listener is reached. */
  readonly url: string;
  /**
   * Stops in the order in which nothing is lost; see docs/walkthrough.md. Operations get `timeoutMs` to end, by default
   * what is configured.
   */
  close(timeoutMs?: number): Promise<void>;
  /** The parts that are being closed and are not yet. */
  closing(): readonly string[];
}

/**
 * Builds the service and starts it: the one place that knows all parts. Everything opened registers its close on the
 * same line, and is closed in reverse, also when the start fails half-way. PostgreSQL must answer; Redis and Docker
 * may come later. `stopping` ends the wait for PostgreSQL, with its own reason; `replica` names this process in metrics
 * and traces.
 */
export async function startApp(
  config: Config,
  log: Logger,
  stopping: AbortSignal = new AbortController().signal,
  replica: string = hostname(),
): Promise<App> {
  await using stack = new AsyncDisposableStack();
  const tokens = stack.adopt(openTokens(config.http, log), (one) => one?.close());
  if (tokens === undefined && !isLoopback(config.http.listen)) log.warn(OPEN_LISTENER);
  const { dsn, maxConnections } = config.postgres;
  // A migration that is left behind here ends with the process, and PostgreSQL takes it back whole.
  const stopped = once(stopping, 'abort').then(() => stopping.throwIfAborted());
  const applied = (await Promise.race([prepareDatabase(dsn, log), stopped])) ?? [];
  if (applied.length > 0) log.info('migrations applied', { migrations: applied });

  const telemetry = stack.adopt(await openTelemetry({ settings: config.telemetry, replica, log }), (one) =>
    one.close(),
  );
  const { metrics, tracing, meter } = telemetry;
  const refusals = makeRefusals();
  const leaseMs = config.lifecycle.leaseTtlMs;
  const openPool = async (name: string, max: number, limits = {}): Promise<DatabasePool> => {
    // What a replica that gets no time has locked is free again when its leases are over.
    const always = { dsn, max, name, onFailure: refusals.note, silentTransactionMs: leaseMs };
    const pool = await makePool({ ...always, ...limits });
    return stack.adopt(pool, () => pool.end());
  };
  const redisRefusals = makeRedisRefusals();
  const openRedis = (role: RedisRole) =>
    stack.adopt(makeRedis(config, role, log, redisRefusals), (redis) => redis.disconnect());

  const db = await openPool(
    'rtmanager-operations',
    maxConnections - BACKGROUND_CONNECTIONS - LEASE_CONNECTIONS - REST_CONNECTIONS,
    { onlyByKey: true },
  );
  const backgroundDb = await openPool('rtmanager-background', BACKGROUND_CONNECTIONS);
  const restDb = await openPool('rtmanager-rest', REST_CONNECTIONS, {
    queryTimeoutMs: REST_QUERY_TIMEOUT_MS,
  });
  // A renewal that takes longer renews nothing, and its connection would keep all leases to come from being renewed.
  const leaseDb = await openPool('rtmanager-leases', LEASE_CONNECTIONS, { queryTimeoutMs: leaseMs });
  const redis = openRedis('fast');
  await untilReady(redis, REDIS_WAIT_MS);
  const missing = await missingDatabase(redis);
  if (missing?.code === 'redis_database') throw missing;
  const workerRedis = openRedis('queue');

  // Replicas share a database, and so the names of their queues; another Runtime Manager on this Redis does not.
  const deploymentId = await getDeploymentId(db);
  const prefix = `rtm-${deploymentId}`;
  const docker = makeConfiguredDocker(config, (connection) => watchDocker(connection, telemetry));
  const lobby = stack.adopt(makeLobbyClient(config.lobby), (client) => client.close());
  const { timeoutMs } = config.probe;
  const engines = stack.adopt(makeEngineProber({ docker, timeoutMs, log }), (one) => one.close());
  const leases = stack.adopt(makeLeaseKeeper(leaseDb, { leaseMs, log, metrics }), (keeper) => keeper.close());
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

  const clock = stack.adopt(await openClock(backgroundDb, { log }), (one) => one.close());
  const { now } = clock;
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
  const outcomes = stack.adopt(makeOutcomeWatch({ db: restDb, log }), (watch) => watch.close());
  const runAndTell: RunHead = (...args) => runHead(...args).finally(outcomes.nudge);
  const shutdownMs = config.shutdown.timeoutMs;
  const caretaking: Omit<CareContext, 'signal'> = {
    log,
    docker,
    db: backgroundDb,
    wake: (games) => orRepair('games are woken', dispatcher.wake(games), log),
    publish: (gameIds) => orRepair('messages are published', outbox.publish(gameIds), log),
    listenAnew: () => events.listenAnew(),
    metrics,
    now,
    config,
  };
  const everyMs: Record<keyof typeof tickHandlers, number> = {
    inspect: planRound(config.inspect.intervalMs).sliceMs,
    reconcile: config.reconcile.intervalMs,
    cleanup: config.cleanup.intervalMs,
    forget: config.cleanup.intervalMs,
    probe: planProbes(config.probe).sliceMs,
  };
  const caretakers = Object.entries<TickHandler>(tickHandlers).map(([name, run]) => ({
    name,
    everyMs: everyMs[name as keyof typeof tickHandlers],
    run: (tick: Tick) => {
      const context = { ...caretaking, ...tick, engines };
      const reconcile: TickContext['reconcile'] = (...pass) => reconcileRuntimes(context, ...pass);
      return run({ ...context, reconcile });
    },
  }));

  const schedules = stack.adopt(
    startSchedules({
      connection: redis,
      workerConnection: workerRedis,
      prefix,
      leaseMs,
      log,
      now,
      schedules: [
        {
          name: 'repair',
          everyMs: REPAIR_INTERVAL_MS,
          run: () => repair({ db: backgroundDb, dispatcher, outbox, log }),
        },
        ...caretakers,
      ],
    }),
    (one) => one.close(),
  );
  const eventJobs = stack.adopt(
    startEventJobs({
      connection: redis,
      workerConnection: workerRedis,
      prefix,
      handle: (event) => noteContainerEvent(event, { ...caretaking, signal: stopping }),
      leaseMs,
      log,
    }),
    (one) => one.close(),
  );
  const events = stack.adopt(
    startDockerEvents({
      docker,
      db: backgroundDb,
      jobs: eventJobs,
      requestPass: () => schedules.runSoon('reconcile'),
      log,
    }),
    (one) => one.close(),
  );
  const decoder = makeEntryDecoder({ startJobs, stopJobs, now });
  const pump = stack.adopt(
    startPump({
      db: backgroundDb,
      redis: openRedis('reader'),
      refusals: redisRefusals,
      streams: { start_jobs: startJobs, stop_jobs: stopJobs },
      blockMs: config.streams.blockTimeoutMs,
      silenceMs: leaseMs,
      decoder,
      dispatcher,
      outbox,
      log,
      metrics,
      tracing,
    }),
    (one) => one.close(),
  );
  addStoreGauges({
    meter,
    db: restDb,
    redis,
    streams: { start_jobs: startJobs, stop_jobs: stopJobs, dead_letters: deadLetters },
    log,
  });
  addGauges(meter, ['pumpLeader'], (observe) => observe('pumpLeader', pump.leads ? 1 : 0, {}));

  const checkStateRoot = makeStateRootCheck(config.gameState.root);
  // Bounded, because a network file system may not answer. Without the root starts fail, and all else goes on.
  const { message, warnings = [] } = await askOne(checkStateRoot);
  if (message !== undefined) log.error('the state root cannot be used', { reason: message });
  for (const warning of warnings) log.warn('the state root is not safe', { warning });
  const streams = stack.adopt(makeOpenStreams(), (one) => one.close());
  const app = makeExpressApp({
    db: restDb,
    docker,
    feed: makeEventFeed({ db: restDb, log }),
    streams,
    wake: (games) => dispatcher.wake(games),
    outcomes,
    waitMs: config.rest.waitTimeoutMs,
    log,
    tracing,
    scrape: telemetry.scrape,
    metrics,
    tokens,
    listenHost: config.http.listen.host,
    hosts: config.http.hosts,
    config,
    deadLetters: makeDeadLetters({
      redis,
      stream: deadLetters,
      jobStreams: [startJobs, stopJobs],
      decoder,
    }),
    planReconciliation: (signal) => planReconciliation({ ...caretaking, signal, db: restDb }),
    board: makeBoard({
      basePath: BOARD_PATH,
      lifecycle: dispatcher.queues,
      events: eventJobs.queue,
      schedules: schedules.queue,
      log,
    }),
    readiness: {
      postgres: async () => {
        // No connection of the operations: whoever asks needs no token.
        await assertDeployment(restDb, deploymentId);
        refusals.assertNone();
        return [];
      },
      redis: () => checkRedis(redis, prefix, redisRefusals),
      docker: async (signal) => {
        await docker.ping(signal);
        return [];
      },
      network: async (signal) => {
        if (!(await docker.hasNetwork(signal))) throw networkMissing(config.docker.network);
        return [];
      },
      state_root: checkStateRoot,
    },
  });
  const listener = stack.adopt(await openListener(config.http, app, undefined, { log }), (one) =>
    one.close(shutdownMs),
  );
  await reconcileFirst({ ...caretaking, signal: stopping });
  const workers = stack.adopt(
    startLifecycleWorkers({
      connection: workerRedis,
      prefix,
      queueCount,
      concurrency: config.lifecycle.concurrency,
      startGate: makeStartGate({ room: roomFor(config.docker.parallelStarts) }),
      runHead: runAndTell,
      followUp: makeFollowUp({ db, outbox, dispatcher, log }),
      leases,
      leaseMs,
      log,
      watchRun: telemetry.watchRun,
    }),
    (one) => one.close(shutdownMs),
  );
  log.info('Runtime Manager is up', { url: listener.url, host: hostname() });

  const opened = stack.move();
  const closing = new Set<string>();
  const closed = async (part: string, whole: Promise<unknown>): Promise<void> => {
    closing.add(part);
    await whole;
    closing.delete(part);
  };
  return {
    url: listener.url,
    closing: () => [...closing],
    async close(timeoutMs = shutdownMs) {
      // They have no end of their own, and their clients go on with another replica.
      streams.close();
      // Together, because a request that waits for its operation ends when that does, and within one deadline.
      await Promise.all([
        closed('listener', listener.close(timeoutMs + LAST_ANSWERS_MS)),
        closed('pump', pump.close()),
        closed('schedules', schedules.close()),
        // What they find is for the replicas that stay.
        closed('events', events.close()),
        closed('event jobs', eventJobs.close()),
        // What has not ended by then ends in another replica; those who wait for it are told where to follow.
        closed(
          'workers',
          workers.close(timeoutMs).then(() => outcomes.close()),
        ),
      ]);
      await closed('connections', opened.disposeAsync());
    },
  };
}

/** What Redis does not take in time, the repair sweep does later. BullMQ waits without end for one that was never there. */
async function orRepair(what: string, work: Promise<unknown>, log: Logger): Promise<void> {
  try {
    if (await within(work, REDIS_WAIT_MS)) return;
    log.warn(`${what} by repair: Redis does not answer`);
  } catch (error) {
    log.warn(`${what} by repair`, { error });
  }
}

/**
 * Records and containers are compared before any job is taken, so that no operation acts on what is long over. Where
 * Docker does not answer jobs are taken all the same, each of which looks for itself: requests must come to an end.
 */
async function reconcileFirst(context: Parameters<typeof reconcileRuntimes>[0]): Promise<void> {
  const { signal, log } = context;
  try {
    const inTime = AbortSignal.any([signal, AbortSignal.timeout(FIRST_PASS_MS)]);
    await reconcileRuntimes({ ...context, signal: inTime }, 'reconcile');
  } catch (error) {
    signal.throwIfAborted();
    log.warn('records and containers could not be compared at the start; it is tried again', { error });
  }
}
