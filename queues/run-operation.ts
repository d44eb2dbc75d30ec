import { setTimeout as sleep } from 'node:timers/promises';
import type { DatabasePool } from 'slonik';
import type { HandlerContext, Handlers, Result } from '../handlers/types.ts';
import type { Docker } from '../lib/docker/docker.ts';
import type { WhileWaiting } from '../lib/docker/image-store.ts';
import { ERROR_RULES, RuntimeError, toRuntimeError } from '../lib/errors.ts';
import { isSurrender, LeaseLostError, ShutdownError } from '../lib/lease.ts';
import type { Logger } from '../lib/logger.ts';
import type { Operation } from '../lib/operation.ts';
import { claimHead, postpone } from '../sql/claims.ts';
import { commitEffects, commitOutcome } from '../sql/commit-operation.ts';
import { mayPass } from '../sql/map-error.ts';
import { getOperation } from '../sql/operation-log.ts';
import { getRecord } from '../sql/runtime-records.ts';
import type { HeldLease, LeaseKeeper } from './leases.ts';
import { type Ending, failureEnding, successEnding } from './outcome.ts';

/** What one run came to, as the job of the queue shows it. */
export interface RunReport {
  readonly result:
    | 'nothing to do'
    | 'success'
    | 'failure'
    /** Back at the head of its queue, to be run again later. */
    | 'postponed'
    /** Left to another replica. */
    | 'handed over'
    /** Goes on without its job; the outcome is in the operation's row. */
    | 'waiting for its image';
  readonly operation_id?: string;
  readonly attempt?: number;
  readonly error_code?: string;
  readonly error_message?: string;
}

interface RunnerDeps {
  db: DatabasePool;
  docker: Docker;
  leases: LeaseKeeper;
  handlers: Handlers;
  leaseMs: number;
  /** How long Docker may be unreachable before an operation fails for it, milliseconds. */
  retryWindowMs: number;
  shared: Pick<HandlerContext, 'lobby' | 'config' | 'now'>;
  log: Logger;
}

export type RunHead = (gameId: string, waiting: WhileWaiting) => Promise<RunReport>;

/** An operation of a kind that only a newer version knows waits so long for a replica that does. */
const UNKNOWN_KIND_DELAY_MS = 5_000;
const COMMIT_RETRY_MS = 250;
const COMMIT_RETRY_MOST_MS = 2_000;

/**
 * Runs the head of a game's queue, if there is one to run: claim, handler, commit. This is the one place where a
 * thrown error becomes an outcome. Rejects only when PostgreSQL does not answer; then the lease runs out and the
 * operation is run again.
 */
export function makeRunHead(deps: RunnerDeps): RunHead {
  const { db, leases, leaseMs } = deps;
  return async (gameId, waiting) => {
    const claimedAtMs = performance.now();
    const operation = await claimHead(db, { gameId, leaseMs });
    if (!operation) return { result: 'nothing to do' };
    const lease = leases.hold(operation, claimedAtMs);
    const log = deps.log.child({
      game_id: operation.gameId,
      operation_id: operation.operationId,
      attempt: operation.attempt,
      op_kind: operation.opKind,
    });
    log.info('operation claimed');
    try {
      return await runClaimed({ ...deps, log }, operation, lease, waiting);
    } catch (error) {
      if (!isSurrender(error)) throw error;
      return await handOver(db, operation, log, error);
    } finally {
      lease.release();
    }
  };
}

async function runClaimed(
  deps: RunnerDeps,
  operation: Operation,
  lease: HeldLease,
  waiting: WhileWaiting,
): Promise<RunReport> {
  const { log } = deps;
  let result: Result;
  try {
    const handler = deps.handlers[operation.opKind as keyof Handlers];
    if (!handler) return await postponeUnknownKind(deps, operation);
    result = await handler(operation, makeContext(deps, operation, lease, waiting));
  } catch (thrown) {
    lease.signal.throwIfAborted();
    if (isSurrender(thrown)) throw thrown;
    if (thrown instanceof StoreAwayError) return runAgain(deps, operation, thrown);
    return endWithFailure(deps, operation, lease, toRuntimeError(thrown));
  }
  try {
    await commit(deps, operation, lease, successEnding(operation, result));
  } catch (error) {
    // What may have been written, or will be by a successor, is not taken back.
    if (isSurrender(error) || mayPass(error)) throw error;
    log.error('the result could not be recorded, it is taken back', { error });
    return endWithFailure(deps, operation, lease, await takeBack(result, error));
  }
  log.info('operation succeeded', { replay: result.replay, container_id: result.containerId });
  return { ...idOf(operation), result: 'success', ...(result.replay ? { error_code: 'replay_no_op' } : {}) };
}

function makeContext(
  { db, docker, log, shared }: RunnerDeps,
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
    correct: (effects) =>
      fromStore(db.transaction((transaction) => commitEffects(transaction, operation, effects))),
  };
}

/** PostgreSQL was away when a handler needed it: that is no failure of its operation. */
class StoreAwayError extends Error {}

async function fromStore<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    throw mayPass(error) ? new StoreAwayError('PostgreSQL was away', { cause: error }) : error;
  }
}

/** Gives the operation back for another attempt, which finds out how far this one came. */
async function runAgain({ db, log }: RunnerDeps, operation: Operation, error: Error): Promise<RunReport> {
  log.warn('operation is run again', { error });
  const delayMs = retryDelayMs(operation.attempt);
  await postpone(db, operation, { delayMs, retrying: false, rollbackPending: true });
  return { ...idOf(operation), result: 'postponed' };
}

/** Undoes what can not be recorded and returns the failure that is told instead. */
async function takeBack(result: Result, cause: unknown): Promise<RuntimeError> {
  try {
    await result.undo?.();
    const undone = result.undo ? 'the container was removed' : 'nothing in Docker was taken back';
    return new RuntimeError('internal_error', `The runtime record could not be written; ${undone}`, {
      cause,
      rollbackPending: false,
    });
  } catch (undoError) {
    if (isSurrender(undoError)) throw undoError;
    // Not final while a container may be left: run again when Docker answers.
    return new RuntimeError(
      'docker_unavailable',
      'The runtime record could not be written, nor the container removed',
      {
        cause: undoError,
        rollbackPending: true,
      },
    );
  }
}

async function endWithFailure(
  deps: RunnerDeps,
  operation: Operation,
  lease: HeldLease,
  error: RuntimeError,
): Promise<RunReport> {
  const { log, db, shared } = deps;
  const rollbackPending = error.rollbackPending ?? operation.rollbackPending;
  const report = { ...idOf(operation), error_code: error.code, error_message: error.message };
  const since = operation.retryingSince ?? shared.now();
  if (ERROR_RULES[error.code].retry && (rollbackPending || shared.now() - since < deps.retryWindowMs)) {
    const delayMs = retryDelayMs(operation.attempt);
    log.warn('operation postponed', { error, delay_ms: delayMs, rollback_pending: rollbackPending });
    await postpone(db, operation, { delayMs, retrying: true, rollbackPending });
    return { ...report, result: 'postponed' };
  }
  await commit(deps, operation, lease, failureEnding(operation, error, shared.now()));
  log.warn('operation failed', { error, error_code: error.code });
  return { ...report, result: 'failure' };
}

/** One second, doubling with each attempt, half a minute at most. */
const retryDelayMs = (attempt: number): number => Math.min(1_000 * 2 ** Math.min(attempt - 1, 10), 30_000);

/**
 * Commits, and again while PostgreSQL is away and the lease lasts; anything else that fails is thrown at once. A
 * commit whose answer was lost is recognised as ours when it finds the operation finished under our own attempt.
 */
async function commit(
  deps: RunnerDeps,
  operation: Operation,
  lease: HeldLease,
  ending: Ending,
): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      await deps.db.transaction((transaction) => commitOutcome(transaction, operation, ending));
      return;
    } catch (error) {
      if (error instanceof LeaseLostError && tries > 1 && (await isFinishedByUs(deps.db, operation))) return;
      if (!mayPass(error)) throw error;
      if (tries === 1) deps.log.warn('the outcome could not be written yet, it is tried again', { error });
      lease.assertHeld();
      await sleep(Math.min(COMMIT_RETRY_MS * tries, COMMIT_RETRY_MOST_MS));
    }
  }
}

async function isFinishedByUs(db: DatabasePool, { operationId, attempt }: Operation): Promise<boolean> {
  const now = await getOperation(db, operationId);
  return now?.status === 'finished' && now.attempt === attempt;
}

/** Lease lost: somebody else has it. Shutdown: back to the head of its queue, at once. */
async function handOver(
  db: DatabasePool,
  operation: Operation,
  log: Logger,
  why: unknown,
): Promise<RunReport> {
  log.warn('operation is left to another attempt', { error: why });
  if (why instanceof ShutdownError) {
    await postpone(db, operation, { delayMs: 0, retrying: false, rollbackPending: true });
  }
  return { ...idOf(operation), result: 'handed over' };
}

async function postponeUnknownKind({ db, log }: RunnerDeps, operation: Operation): Promise<RunReport> {
  log.error('this version knows no operation of that kind, it waits for one that does');
  const { rollbackPending } = operation;
  await postpone(db, operation, { delayMs: UNKNOWN_KIND_DELAY_MS, retrying: false, rollbackPending });
  return { ...idOf(operation), result: 'postponed' };
}

const idOf = ({ operationId, attempt }: Operation) => ({ operation_id: operationId, attempt });
