import { parseGameId } from '../lib/game-id.ts';
import type { OpKind } from '../lib/operation.ts';
import { type AnswerDeps, answerWithOutcome } from './answer-outcome.ts';
import { type QueueDeps, queueRequest } from './queue-request.ts';
import { makeBodyReader } from './read-body.ts';
import type { Route, Routes } from './route.ts';

export type MutationDeps = AnswerDeps & QueueDeps;

/** The operations that change something: each queues one operation of its kind, and answers with its outcome. */
export function makeMutations(deps: MutationDeps): Routes {
  const mutation = (operationId: string, opKind: OpKind): Route => {
    const readBody = makeBodyReader(operationId);
    return async (request, response) => {
      const gameId = parseGameId(String(request.params.game_id));
      const body = await readBody(request, response);
      const operation = await queueRequest(
        deps,
        {
          gameId,
          opKind,
          // The guard before has checked both headers.
          opSource: request.get('X-Galaxy-Caller') === 'admin' ? 'admin_rest' : 'gm_rest',
          sourceRef: request.get('Idempotency-Key') ?? null,
          imageRef: body.image_ref ?? null,
          reason: body.reason ?? null,
          requestedAt: Date.now(),
        },
        {
          otherwise: 'The Idempotency-Key was used before, for another request',
          traceparent: request.get('traceparent'),
        },
      );
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
