import { type CommonQueryMethods, sql } from 'slonik';
import { z } from 'zod';
import { operation } from '../lib/operation.ts';
import { acceptOperations, type NewOperation } from './accept-operations.ts';
import { operationColumns, type WaitingGame } from './operation-log.ts';

type Request = NewOperation & Required<Pick<NewOperation, 'operationId' | 'requestHash'>>;

const acceptedOperation = operation.extend({ requestHash: z.string().nullable() });

/** What became of a request. */
interface AcceptedRequest {
  /** The operation that was queued now, or the one that the same `sourceRef` was queued as before. */
  readonly operation: z.infer<typeof acceptedOperation>;
  /** The game, where it has new work. */
  readonly waiting: readonly WaitingGame[];
}

/**
 * Queues one request, unless its `sourceRef` is known already: of two that come at once the later waits here for the
 * earlier, and finds its operation. Must run in a transaction.
 */
export async function acceptRequest(
  transaction: CommonQueryMethods,
  request: Request,
): Promise<AcceptedRequest> {
  const waiting = await acceptOperations(transaction, [request]);
  const which =
    waiting.length > 0
      ? sql.fragment`operation_id = ${request.operationId}::uuid`
      : sql.fragment`op_source = ${request.opSource} and source_ref = ${request.sourceRef}`;
  const accepted = await transaction.one(sql.type(acceptedOperation)`
    select ${operationColumns}, request_hash as "requestHash" from rtmanager.operation_log where ${which}`);
  return { operation: accepted, waiting };
}
