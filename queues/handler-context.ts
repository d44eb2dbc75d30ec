import type { DatabasePool } from 'slonik';
import type { HandlerContext } from '../handlers/types.ts';
import type { AttemptDocker, Docker } from '../lib/docker/docker.ts';
import type { WhileWaiting } from '../lib/docker/image-store.ts';
import type { GameId } from '../lib/game-id.ts';
import { engineEndpoint } from '../lib/game-names.ts';
import type { Logger } from '../lib/logger.ts';
import type { RuntimeRecord } from '../lib/runtime-record.ts';
import { StoreAwayError } from '../lib/store-away-error.ts';
import type { RunWatch } from '../lib/telemetry/run-watch.ts';
import type { Claimed } from '../sql/claims.ts';
import { commitEffects } from '../sql/commit-operation.ts';
import { trustDaemon } from '../sql/docker-daemon.ts';
import { mayPass } from '../sql/map-error.ts';
import { findEnded, listInnerEntries } from '../sql/operation-log.ts';
import { findGameAt, getRecord } from '../sql/runtime-records.ts';
import type { HeldLease } from './leases.ts';
import type { Approach } from './start-gate.ts';

export interface ContextDeps {
  db: DatabasePool;
  docker: Docker;
  shared: Pick<HandlerContext, 'lobby' | 'config' | 'now'>;
  log: Logger;
}

/** What a run takes of its replica's room, and gives back as soon as others can use it. */
export interface Place {
  readonly waiting: WhileWaiting;
  readonly approach: Approach;
}

/** What one attempt at an operation goes by. */
export interface Attempt extends Claimed, Place {
  readonly lease: HeldLease;
  readonly watch: RunWatch;
}

/** What a handler gets for one attempt at one operation. */
export function makeHandlerContext(
  { db, docker, log, shared }: ContextDeps,
  { operation, record, lease, waiting, approach, watch }: Attempt,
): HandlerContext {
  // Where nobody has run the operation before, nobody can have changed the record since. A zombie of an earlier attempt
  // may, while the next one claims; and a step of this attempt may, so it is good for one look.
  let unread = operation.attempt === 1;
  const getOwnRecord = (gameId: GameId): Promise<RuntimeRecord | null> => {
    if (!unread || gameId !== operation.gameId) return fromStore(getRecord(db, gameId));
    unread = false;
    return Promise.resolve(record);
  };
  return {
    ...shared,
    log,
    signal: lease.signal,
    docker: attended(
      docker.forAttempt(lease, (work) => watch.phase('pull', () => waiting(work))),
      watch,
      approach,
    ),
    records: {
      get: getOwnRecord,
      sharingName: (gameId) => fromStore(findGameAt(db, { gameId, engineEndpoint: engineEndpoint(gameId) })),
    },
    commitStep: (effects) => fromStore(commitEffects(db, operation, effects)),
    // The first attempt has none before it.
    steps: async () =>
      operation.attempt === 1 ? [] : fromStore(listInnerEntries(db, operation.operationId)),
    findEnded: async (gameId, operationIds, agoMs) =>
      new Set((await fromStore(findEnded(db, { operationIds, agoMs }))).get(gameId)),
    trustDaemon: (daemonId) =>
      fromStore(trustDaemon(db, { daemonId, settleMs: shared.config.reconcile.intervalMs })),
  };
}

/** Times the phases that are one call to Docker, and tells when a start has come there and is done. */
const attended = (docker: AttemptDocker, watch: RunWatch, approach: Approach): AttemptDocker => ({
  ...docker,
  underStartLimit(work) {
    approach.arrived();
    return docker.underStartLimit(work).finally(approach.leave);
  },
  create: (spec) => watch.phase('create', () => docker.create(spec)),
  start: (id) => watch.phase('start', () => docker.start(id)),
});

async function fromStore<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    throw mayPass(error) ? new StoreAwayError('PostgreSQL was away', { cause: error }) : error;
  }
}
