import { stat } from 'node:fs/promises';
import { reconcileRuntimes } from '../../handlers/reconcile-runtimes.ts';
import type { Handler, Handlers, TickContext } from '../../handlers/types.ts';
import { makeLabels } from '../../lib/docker/labels.ts';
import { makeEngineProber } from '../../lib/engine-prober.ts';
import { parseGameId } from '../../lib/game-id.ts';
import { containerName } from '../../lib/game-names.ts';
import type { RuntimeRecord } from '../../lib/runtime-record.ts';
import { NO_METRICS } from '../../lib/telemetry/metrics.ts';
import { makeLeaseKeeper } from '../../queues/leases.ts';
import { makeRunHead } from '../../queues/run-operation.ts';
import type { RunReport } from '../../queues/run-report.ts';
import { UNBOUNDED } from '../../queues/start-gate.ts';
import type { NewOperation } from '../../sql/accept-operations.ts';
import { swapRecord } from '../../sql/runtime-records.ts';
import { makeFakeDocker } from './fake-docker.ts';
import type { FakeDockerApi } from './fake-docker-api.ts';
import type { FakeContainer, FakeDockerWorld } from './fake-docker-world.ts';
import { type MemoryLogger, makeMemoryLogger } from './memory-logger.ts';
import { makeRecord } from './records.ts';
import { makeStateRoot } from './state-root.ts';
import { makeStore, type Store } from './store.ts';
import { makeTestConfig } from './test-config.ts';

export const OLD_IMAGE = 'galaxy/engine:1.0.0';
export const NEW_IMAGE = 'galaxy/engine:1.0.1';

/** Handlers as a replica runs them, on a real database and a fake Docker. */
export interface HandlerSide {
  readonly store: Store;
  readonly api: FakeDockerApi;
  readonly world: FakeDockerWorld;
  readonly log: MemoryLogger;
  /** For handlers of schedules. */
  readonly tick: TickContext;
  /** A game with a record and, unless it is removed, a container. */
  putGame(gameId: string, given?: Partial<RuntimeRecord>): Promise<FakeContainer | undefined>;
  queue(...requests: Partial<NewOperation>[]): Promise<void>;
  /** Makes PostgreSQL refuse records for which this condition on `new` holds. */
  refuseRecords(when: string): Promise<void>;
  /** Runs the game's head once, by this handler. */
  run(gameId: string, kind: keyof Handlers, handler: Handler): Promise<RunReport>;
  close(): Promise<void>;
}

/** @param shared a store that outlives this side, and is empty again when it is closed */
export async function makeHandlerSide(
  variables: Readonly<Record<string, string>> = {},
  shared?: Store,
): Promise<HandlerSide> {
  await using stack = new AsyncDisposableStack();
  const store = shared
    ? stack.adopt(shared, (one) => one.clear())
    : stack.adopt(await makeStore(), (one) => one.destroy());
  const stateRoot = stack.adopt(await makeStateRoot(), (one) => one.remove());
  const { uid, gid } = await stat(stateRoot.path);
  const config = makeTestConfig({
    RTMANAGER_GAME_STATE_ROOT: stateRoot.path,
    RTMANAGER_GAME_STATE_OWNER_UID: String(uid),
    RTMANAGER_GAME_STATE_OWNER_GID: String(gid),
    ...variables,
  });
  const { api, world, docker } = stack.adopt(await makeFakeDocker(config), (one) => one.close());
  const { network } = config.docker;
  for (const image of [OLD_IMAGE, NEW_IMAGE]) world.images.set(image, { id: `sha256:${image}` });
  const log = makeMemoryLogger();
  const { timeoutMs } = config.probe;
  const engines = stack.adopt(makeEngineProber({ docker, timeoutMs, log }), (one) => one.close());
  // Long, because a renewal under way would revive the lease that a test lets run out.
  const leaseMs = 3_600_000;
  const leases = stack.adopt(makeLeaseKeeper(store.db, { leaseMs, log }), (one) => one.close());
  const lobby = { getGame: async () => ({ found: false }) as const, close: () => undefined };
  const context = { lobby, config, now: Date.now };
  const opened = stack.move();
  const tick: TickContext = {
    dueAtMs: 0,
    turnMs: 0,
    signal: new AbortController().signal,
    log,
    docker,
    db: store.db,
    wake: async () => undefined,
    publish: async () => undefined,
    listenAnew: () => undefined,
    metrics: NO_METRICS,
    engines,
    reconcile: (...pass) => reconcileRuntimes(tick, ...pass),
    now: Date.now,
    config,
  };

  return {
    store,
    api,
    world,
    log,
    tick,
    async putGame(gameId, given = {}) {
      const image = given.currentImageRef ?? OLD_IMAGE;
      const status = given.status ?? 'running';
      const container =
        status === 'removed'
          ? undefined
          : world.put({
              name: containerName(parseGameId(gameId)),
              image,
              labels: makeLabels({
                gameId: parseGameId(gameId),
                imageRef: image,
                operationId: 'of-its-start',
                attempt: 1,
                startedAtMs: 1_767_225_600_000,
              }),
              state: status === 'running' ? 'running' : 'exited',
            });
      const next = makeRecord({
        gameId,
        currentContainerId: container?.id ?? null,
        currentImageRef: image,
        dockerNetwork: network,
        ...given,
      });
      await swapRecord(store.db, { expected: null, next });
      return container;
    },
    queue: (...requests) => store.queue(...requests),
    async refuseRecords(when) {
      await store.rows(`
        create function rtmanager.refuse() returns trigger language plpgsql as
          $$ begin raise exception 'refused' using errcode = '23514'; end $$;
        create trigger refuse before insert or update on rtmanager.runtime_records
          for each row when (${when}) execute function rtmanager.refuse();`);
    },
    run: (gameId, kind, handler) =>
      makeRunHead({
        db: store.db,
        docker,
        leases,
        handlers: { [kind]: handler } as unknown as Handlers,
        leaseMs,
        retryWindowMs: 60_000,
        shared: context,
        log,
      })(gameId, { waiting: (work) => work(), approach: UNBOUNDED }),
    close: () => opened.disposeAsync(),
  };
}
