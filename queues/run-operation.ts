import type { DatabasePool } from 'slonik';
import type { Handlers, Result } from '../handlers/types.ts';
import { OperationFailure } from '../lib/effects.ts';
import { type ErrorCode, isRetried, RuntimeError, toRuntimeError } from '../lib/errors.ts';
import { isSurrender, ShutdownError } from '../lib/lease.ts';
import type { Logger } from '../lib/logger.ts';
import { createsContainer, type Operation } from '../lib/operation.ts';
import { messageOf, toShownText } from '../lib/shown-text.ts';
import { StoreAwayError } from '../lib/store-away-error.ts';
import { type RunWatch, UNWATCHED } from '../lib/telemetry/run-watch.ts';
import { claimHead, postpone } from '../sql/claims.ts';
import { mayPass } from '../sql/map-error.ts';
import { commitEnding } from './commit-ending.ts';
import { type Attempt, type ContextDeps, makeHandlerContext, type Place } from './handler-context.ts';
import type { LeaseKeeper } from './leases.ts';
import { type Ending, failureEnding, successEnding } from './outcome.ts';
import { idOf, type RunReport } from './run-report.ts';

interface RunnerDeps extends ContextDeps {
  leases: LeaseKeeper;
  handlers: Handlers;
  leaseMs: number;
  /** How long Docker may be unreachable before an operation fails for it, milliseconds. */
  retryWindowMs: number;
}

export type RunHead = (gameId: string, place: Place, watch?: RunWatch) => Promise<RunReport>;

/** An operation of a kind that only a newer version knows waits so long for a replica that does. */
const UNKNOWN_KIND_DELAY_MS = 5_000;

/**
 * Runs the head of a game's queue, if there is one to run: claim, handler, commit. This is the one place where a
 * thrown error becomes an outcome. Rejects only when PostgreSQL does not answer, or refuses even
 * the bare outcome; then the lease runs out and the operation is run again.
 */
export function makeRunHead(deps: RunnerDeps): RunHead {
  const { db, leases, leaseMs } = deps;
  return async (gameId, place, watch = UNWATCHED) => {
    const claimedAtMs = performance.now();
    const claimed = await claimHead(db, { gameId, leaseMs });
    if (!claimed) return { result: 'nothing to do' };
    const { operation } = claimed;
    const lease = leases.hold(operation, claimedAtMs);
    const log = deps.log.child({
      game_id: operation.gameId,
      operation_id: operation.operationId,
      attempt: operation.attempt,
      op_kind: operation.opKind,
    });
    log.info('operation claimed');
    const run = { ...claimed, ...place, lease, watch };
    try {
      watch.claimed(operation);
      const report = await watch
        .within(() => runClaimed({ ...deps, log }, run))
        .catch((error) => {
          if (!isSurrender(error)) throw error;
          return handOver(db, operation, log, error);
        });
      watch.ended(report);
      return report;
    } finally {
      lease.release();
    }
  };
}

async function runClaimed(deps: RunnerDeps, run: Attempt): Promise<RunReport> {
  const { log } = deps;
  const { operation, lease } = run;
  let result: Result;
  try {
    const handler = deps.handlers[operation.opKind as keyof Handlers];
    if (!handler) return await postponeUnknownKind(deps, operation);
    result = await handler(operation, makeHandlerContext(deps, run));
  } catch (thrown) {
    lease.signal.throwIfAborted();
    if (isSurrender(thrown)) throw thrown;
    if (thrown instanceof StoreAwayError) return runAgain(deps, operation, thrown);
    return endWithFailure(deps, run, toFailure(operation, thrown));
  }
  try {
    await commit(deps, run, successEnding(operation, result));
  } catch (error) {
    // What may have been written, or will be by a successor, is not taken back.
    if (isSurrender(error) || mayPass(error)) throw error;
    log.error('the result could not be recorded, it is taken back', { error });
    const told = await takeBack(
      result.undo,
      'internal_error',
      'The runtime record could not be written',
      error,
    );
    const effects = result.afterUndo?.(told) ?? {};
    const imageRef = result.imageRef ?? operation.imageRef ?? '';
    return endWithFailure(deps, run, new OperationFailure(told, { effects, imageRef }));
  }
  log.info('operation succeeded', { replay: result.replay, container_id: result.containerId });
  return { ...idOf(operation), result: 'success', ...(result.replay ? { error_code: 'replay_no_op' } : {}) };
}

const commit = (deps: RunnerDeps, { operation, lease, watch }: Attempt, ending: Ending): Promise<void> =>
  watch.phase('commit', () => commitEnding(deps, operation, lease, ending));

/** Gives the operation back for another attempt, which finds out how far this one came. */
async function runAgain({ db, log }: RunnerDeps, operation: Operation, error: Error): Promise<RunReport> {
  log.warn('operation is run again', { error });
  const delayMs = retryDelayMs(operation.attempt);
  await postpone(db, operation, { delayMs, retrying: false, rollbackPending: true, error: messageOf(error) });
  return { ...idOf(operation), result: 'postponed' };
}

/** Undoes in Docker what can not be recorded and returns the failure that is told instead. */
async function takeBack(
  undo: (() => Promise<void>) | undefined,
  code: ErrorCode,
  message: string,
  cause: unknown,
): Promise<RuntimeError> {
  try {
    await undo?.();
    const undone = undo ? 'the container was removed' : 'nothing in Docker was taken back';
    return new RuntimeError(code, `${message}; ${undone}`, { cause, rollbackPending: false });
  } catch (undoError) {
    if (isSurrender(undoError)) throw undoError;
    // Not final while a container may be left: run again when Docker answers.
    return new RuntimeError('docker_unavailable', `${message}, nor the container removed`, {
      cause: undoError,
      rollbackPending: true,
    });
  }
}

async function endWithFailure(deps: RunnerDeps, run: Attempt, failure: OperationFailure): Promise<RunReport> {
  const { log, db, shared } = deps;
  const { operation } = run;
  const { error } = failure;
  const rollbackPending =
    createsContainer(operation.opKind) && (error.rollbackPending ?? operation.rollbackPending);
  const report = { ...idOf(operation), error_code: error.code, error_message: error.message };
  const since = operation.retryingSince ?? shared.now();
  if (isRetried(error) && (rollbackPending || shared.now() - since < deps.retryWindowMs)) {
    const delayMs = retryDelayMs(operation.attempt);
    log.warn('operation postponed', { error, delay_ms: delayMs, rollback_pending: rollbackPending });
    await postpone(db, operation, { delayMs, retrying: true, rollbackPending, error: error.message });
    return { ...report, result: 'postponed' };
  }
  try {
    await commit(deps, run, failureEnding(operation, failure, shared.now()));
  } catch (cause) {
    const { effects, undo } = failure.aftermath;
    if (isSurrender(cause) || mayPass(cause) || Object.keys(effects).length === 0) throw cause;
    // The failure itself is told whatever becomes of what it left: the game would wait for ever.
    log.error('what the failure left could not be recorded', { error: cause });
    const message = `${error.message}; what that left could not be recorded`;
    const told = await takeBack(undo, error.code, message, cause);
    const { imageRef } = failure.aftermath;
    return endWithFailure(deps, run, new OperationFailure(told, { effects: {}, imageRef }));
  }
  log.warn('operation failed', { error, error_code: error.code });
  return { ...report, result: 'failure' };
}

/** What a handler threw, with what it left; most failures leave everything as it was. */
function toFailure(operation: Operation, thrown: unknown): OperationFailure {
  if (thrown instanceof OperationFailure) return thrown;
  return new OperationFailure(toRuntimeError(thrown), { effects: {}, imageRef: operation.imageRef ?? '' });
}

/** One second, doubling with each attempt, half a minute at most. */
const retryDelayMs = (attempt: number): number => Math.min(1_000 * 2 ** Math.min(attempt - 1, 10), 30_000);

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
  const error = toShownText(`No replica of a version that knows ${operation.opKind} has taken it yet`);
  await postpone(db, operation, { delayMs: UNKNOWN_KIND_DELAY_MS, retrying: false, rollbackPending, error });
  return { ...idOf(operation), result: 'postponed' };
}
