import type { DatabasePool } from 'slonik';
import type { HandlerContext } from '../handlers/types.ts';
import type { Docker } from '../lib/docker/docker.ts';
import type { WhileWaiting } from '../lib/docker/image-store.ts';
import type { Logger } from '../lib/logger.ts';
import type { Operation } from '../lib/operation.ts';
import { StoreAwayError } from '../lib/store-away-error.ts';
import { commitEffects } from '../sql/commit-operation.ts';
import { trustDaemon } from '../sql/docker-daemon.ts';
import { mayPass } from '../sql/map-error.ts';
import { findEnded, listInnerEntries } from '../sql/operation-log.ts';
import { getRecord } from '../sql/runtime-records.ts';
import type { HeldLease } from './leases.ts';

export interface ContextDeps {
  db: DatabasePool;
  docker: Docker;
  shared: Pick<HandlerContext, 'lobby' | 'config' | 'now'>;
  log: Logger;
}

/** What a handler gets for one attempt at one operation. */
export function makeHandlerContext(
  { db, docker, log, shared }: ContextDeps,
  operation: Operation,
  lease: HeldLease,
  waiting: WhileWaiting,
): HandlerContext {
  return {
    ...shared,
    log,
    signal: lease.signal,
    docker: docker.forAttempt(lease, waiting),
    records: { get: (gameId) => fromStore(getRecord(db, gameId)) },
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

async function fromStore<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    throw mayPass(error) ? new StoreAwayError('PostgreSQL was away', { cause: error }) : error;
  }
}
