import { type CommonQueryMethods, type FragmentSqlToken, sql } from 'slonik';
import { z } from 'zod';
import type { OpKind, OpSource } from '../lib/operation.ts';
import { LOCKS_ARE_HELD, takeLocks } from './locks.ts';
import { waitingGame } from './operation-log.ts';
import { prepared } from './prepared.ts';

/** A request, checked and ready to be queued. */
export interface NewOperation {
  readonly gameId: string;
  readonly opKind: OpKind;
  readonly opSource: OpSource;
  /** Names the request; the same one accepted twice is one operation. */
  readonly sourceRef: string | null;
  /** Of a replay, the entry id of the dead letter: it is what the job result answers. */
  readonly letterId?: string;
  readonly imageRef: string | null;
  readonly reason: string | null;
  /** When the requester says it asked, epoch milliseconds. */
  readonly requestedAt: number;
  /** Chosen by an acceptor who wants to find the operation again; PostgreSQL makes one otherwise. */
  readonly operationId?: string;
  /** Tells a repeated request from another one that shows the same `sourceRef`. */
  readonly requestHash?: string;
}

export const acceptedOperation = waitingGame.extend({
  operationId: z.string(),
  correlationId: z.string(),
  sourceRef: z.string().nullable(),
});
/** One that was new: its game has work. */
export type AcceptedOperation = z.infer<typeof acceptedOperation>;

/**
 * Queues the operations in the order given and returns those that were new. Must run in a transaction.
 *
 * `seq` is drawn under each game's lock, which the transaction keeps until it ends: without it a lower
 * number could become visible after a higher one was already claimed.
 */
export async function acceptOperations(
  transaction: CommonQueryMethods,
  operations: readonly NewOperation[],
): Promise<readonly AcceptedOperation[]> {
  if (operations.length === 0) return [];
  const gameIds = operations.map((one) => one.gameId);
  return transaction.any(prepared(acceptedOperation)`
    with locked as materialized (${takeLocks('accept', gameIds)})
    ${insertOperations(operations, LOCKS_ARE_HELD)}`);
}

/** A part of a larger statement, there under a condition: that the games' locks are held, and whatever else is asked for. */
export const insertOperations = (
  operations: readonly NewOperation[],
  onlyIf: FragmentSqlToken,
): FragmentSqlToken => sql.fragment`
  insert into rtmanager.operation_log
    (operation_id, game_id, seq, op_kind, op_source, source_ref, letter_id, request_hash, correlation_id, image_ref,
     reason, requested_at)
  select coalesce(operation_id, gen_random_uuid()), game_id, nextval('rtmanager.operation_seq'), op_kind, op_source,
    source_ref, letter_id, request_hash, gen_random_uuid(), image_ref, reason, to_timestamp(requested_at / 1000)
  from (
    select * from ${sql.unnest(
      operations.map((one, place) => [
        place,
        one.gameId,
        one.opKind,
        one.opSource,
        one.sourceRef,
        one.imageRef,
        one.reason,
        one.requestedAt,
        one.operationId ?? null,
        one.requestHash ?? null,
        one.letterId ?? null,
      ]),
      ['int4', 'text', 'text', 'text', 'text', 'text', 'text', 'float8', 'uuid', 'text', 'text'],
    )} as request (place, game_id, op_kind, op_source, source_ref, image_ref, reason, requested_at, operation_id,
      request_hash, letter_id)
    where ${onlyIf} order by place) as in_order
  on conflict (op_source, source_ref) where source_ref is not null do nothing
  returning game_id as "gameId", op_kind as "opKind", op_source as "opSource", image_ref as "imageRef",
    operation_id as "operationId", correlation_id as "correlationId", source_ref as "sourceRef"`;
