import type { Request, Response } from 'express';
import type { DatabasePool } from 'slonik';
import { ERROR_RULES, RuntimeError, toErrorCode } from '../lib/errors.ts';
import type { Operation } from '../lib/operation.ts';
import { getOperation } from '../sql/operation-log.ts';
import { getRuntimes } from '../sql/runtimes.ts';
import { sendError } from './answer-error.ts';
import { inTime, isStoreAway } from './in-time.ts';
import type { OutcomeWatch } from './outcome-watch.ts';
import { prefersAsync } from './prefer.ts';
import { renderOperation, renderRuntime } from './render.ts';

export interface AnswerDeps {
  readonly db: DatabasePool;
  readonly outcomes: OutcomeWatch;
  /** How long a request waits for its operation, milliseconds. */
  readonly waitMs: number;
}

/**
 * Answers a mutation: `200` with the runtime or the operation's error when it has ended, `202` with the operation when
 * the client would not wait, or has waited long enough. A repeat of what has ended is answered with its outcome.
 */
export async function answerWithOutcome(
  deps: AnswerDeps,
  operation: Operation,
  request: Request,
  response: Response,
): Promise<void> {
  response.setHeader('Operation-Id', operation.operationId);
  const hasEnded = operation.status === 'finished';
  if (!hasEnded && prefersAsync(request.get('Prefer'))) {
    response.setHeader('Preference-Applied', 'respond-async');
    sendAccepted(response, operation);
    return;
  }
  const ended = hasEnded ? operation : await waitForEnd(deps, operation, response);
  if (response.destroyed) return;
  if (!ended) sendAccepted(response, await asItStands(deps.db, operation));
  else if (ended.outcome === 'failure') sendFailure(response, ended);
  else await sendRuntime(deps.db, ended, response);
}

/** Null when the wait ended first: its time is over, the client has gone, or the replica shuts down. */
async function waitForEnd(
  { outcomes, waitMs }: AnswerDeps,
  { operationId }: Operation,
  response: Response,
): Promise<Operation | null> {
  const patience = new AbortController();
  const giveUp = () => patience.abort();
  const timer = setTimeout(giveUp, waitMs);
  response.once('close', giveUp);
  if (response.destroyed) giveUp();
  try {
    return await outcomes.wait(operationId, patience.signal);
  } finally {
    clearTimeout(timer);
    response.off('close', giveUp);
  }
}

/** The operation as it is now, or as it was accepted while PostgreSQL does not answer: it is on record all the same. */
async function asItStands(db: DatabasePool, accepted: Operation): Promise<Operation> {
  try {
    return (await inTime(getOperation(db, accepted.operationId))) ?? accepted;
  } catch (error) {
    if (isStoreAway(error)) return accepted;
    throw error;
  }
}

function sendAccepted(response: Response, operation: Operation): void {
  response
    .status(202)
    .location(`/api/v1/internal/operations/${operation.operationId}`)
    .set('Retry-After', '1')
    .json(renderOperation(operation));
}

function sendFailure(response: Response, { errorCode, errorMessage }: Operation): void {
  const code = toErrorCode(errorCode);
  const message = errorMessage || `The operation failed with ${errorCode}`;
  sendError(response, { status: ERROR_RULES[code].http, code, message });
}

async function sendRuntime(db: DatabasePool, { gameId }: Operation, response: Response): Promise<void> {
  const [runtime] = await inTime(getRuntimes(db, [gameId]));
  if (!runtime) throw new RuntimeError('internal_error', `Game ${gameId} has no record after its success`);
  response.json(renderRuntime(runtime, runtime.health));
}
