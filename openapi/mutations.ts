import { createHash, randomUUID } from 'node:crypto';
import type { Request } from 'express';
import type { DatabasePool } from 'slonik';
import { RuntimeError } from '../lib/errors.ts';
import { type GameId, parseGameId } from '../lib/game-id.ts';
import type { Logger } from '../lib/logger.ts';
import type { Operation, OpKind } from '../lib/operation.ts';
import { traceAccepted } from '../lib/telemetry/accepted.ts';
import type { Tracing } from '../lib/telemetry/tracing.ts';
import { acceptRequest } from '../sql/accept-request.ts';
import type { WaitingGame } from '../sql/operation-log.ts';
import { type AnswerDeps, answerWithOutcome } from './answer-outcome.ts';
import { inTime } from './in-time.ts';
import { type MutationBody, makeBodyReader } from './read-body.ts';
import type { Route, Routes } from './route.ts';

export interface MutationDeps extends AnswerDeps {
  readonly db: DatabasePool;
  /** Tells that games have work. What it fails to tell of, the repair sweep finds. */
  readonly wake: (games: readonly WaitingGame[]) => Promise<void>;
  readonly log: Logger;
  readonly tracing: Tracing;
}

/** The operations that change something: each queues one operation of its kind, and answers with its outcome. */
export function makeMutations(deps: MutationDeps): Routes {
  const mutation = (operationId: string, opKind: OpKind): Route => {
    const readBody = makeBodyReader(operationId);
    return async (request, response) => {
      const gameId = parseGameId(String(request.params.game_id));
      const body = await readBody(request, response);
      const operation = await accept(deps, request, { gameId, opKind, body });
      await answerWithOutcome(deps, operation, request, response);
    };
  };
  return {
    internalStartRuntime: mutation('internalStartRuntime', 'start'),
    internalStopRuntime: mutation('internalStopRuntime', 'stop'),
    internalRestartRuntime: mutation('internalRestartRuntime', 'restart'),
    internalPatchRuntime: mutation('internalPatchRuntime', 'patch'),
    internalCleanupRuntimeContainer: mutation('internalCleanupRuntimeContainer', 'cleanup_container'),
  };
}

interface Wanted {
  readonly gameId: GameId;
  readonly opKind: OpKind;
  readonly body: MutationBody;
}

async function accept(
  { db, wake, log, tracing }: MutationDeps,
  request: Request,
  { gameId, opKind, body }: Wanted,
): Promise<Operation> {
  const imageRef = body.image_ref ?? null;
  const reason = body.reason ?? null;
  const sinceMs = Date.now();
  const requestHash = hash([opKind, gameId, imageRef, reason]);
  const { operation, waiting } = await inTime(
    db.transaction((transaction) =>
      acceptRequest(transaction, {
        operationId: randomUUID(),
        gameId,
        opKind,
        // The guard before has checked both headers.
        opSource: request.get('X-Galaxy-Caller') === 'admin' ? 'admin_rest' : 'gm_rest',
        sourceRef: request.get('Idempotency-Key') ?? null,
        imageRef,
        reason,
        requestedAt: sinceMs,
        requestHash,
      }),
    ),
  );
  if (operation.requestHash !== requestHash) {
    throw new RuntimeError('conflict', 'The Idempotency-Key was used before, for another request');
  }
  if (waiting.length > 0) {
    const traceparent = request.get('traceparent');
    traceAccepted(tracing, { ...operation, sinceMs, ...(traceparent === undefined ? {} : { traceparent }) });
  }
  // Not waited for: without Redis the operation only begins later.
  wake(waiting).catch((error: unknown) => {
    log.warn('the queue could not be told of work, repair brings it', { game_id: gameId, error });
  });
  return operation;
}

const hash = (parts: readonly (string | null)[]): string =>
  createHash('sha256').update(JSON.stringify(parts)).digest('hex');
