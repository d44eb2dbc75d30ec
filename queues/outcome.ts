import type { Result } from '../handlers/types.ts';
import type { Effects, OperationFailure, Outcome } from '../lib/effects.ts';
import { REPLAY_NO_OP } from '../lib/errors.ts';
import { type Message, makeJobResult, makeNotificationIntent } from '../lib/messages.ts';
import type { Operation } from '../lib/operation.ts';

/** Everything that the commit of an operation writes. */
export interface Ending {
  readonly outcome: Outcome;
  readonly effects: Effects;
  readonly messages: readonly Message[];
}

/** The end of an operation whose handler came through. */
export function successEnding(operation: Operation, result: Result): Ending {
  const outcome: Outcome = {
    outcome: 'success',
    errorCode: result.replay ? REPLAY_NO_OP : null,
    errorMessage: null,
    containerId: result.containerId,
    imageRef: result.imageRef ?? null,
  };
  const answer = answerTo(operation, {
    outcome: 'success',
    errorCode: result.replay ? REPLAY_NO_OP : '',
    ...(result.containerId === null ? {} : { containerId: result.containerId }),
    ...(result.engineEndpoint === null ? {} : { engineEndpoint: result.engineEndpoint }),
  });
  return { outcome, effects: result.effects, messages: answer };
}

/** The end of an operation that failed for good: its answer, and the alert that its code calls for. */
export function failureEnding(
  operation: Operation,
  { error, aftermath }: OperationFailure,
  nowMs: number,
): Ending {
  const outcome: Outcome = {
    outcome: 'failure',
    errorCode: error.code,
    errorMessage: error.message,
    containerId: null,
    imageRef: aftermath.imageRef,
  };
  const answer = answerTo(operation, {
    outcome: 'failure',
    errorCode: error.code,
    errorMessage: error.message,
  });
  const intent = makeNotificationIntent({
    operationId: operation.operationId,
    gameId: operation.gameId,
    imageRef: aftermath.imageRef,
    errorCode: error.code,
    errorMessage: error.message,
    attemptedAtMs: nowMs,
  });
  return { outcome, effects: aftermath.effects, messages: intent ? [...answer, intent] : answer };
}

type Answer = Omit<Parameters<typeof makeJobResult>[0], 'gameId' | 'opKind' | 'requestEntryId'>;

/** The job result, where the request came by a stream; REST reads its answer from the operation itself. */
function answerTo({ opSource, opKind, sourceRef, letterId, gameId }: Operation, answer: Answer): Message[] {
  if (opSource !== 'lobby_stream' || sourceRef === null) return [];
  if (opKind !== 'start' && opKind !== 'stop') return [];
  // The entry that was put aside as a dead letter has been answered, and a second answer would be dropped as a repeat.
  const requestEntryId = letterId ?? sourceRef.slice(sourceRef.lastIndexOf('/') + 1);
  return [makeJobResult({ gameId, opKind, requestEntryId, ...answer })];
}
