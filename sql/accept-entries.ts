import { type CommonQueryMethods, sql } from 'slonik';
import { z } from 'zod';
import type { Message } from '../lib/messages.ts';
import {
  type AcceptedOperation,
  acceptedOperation,
  insertOperations,
  type NewOperation,
} from './accept-operations.ts';
import { LOCKS_ARE_HELD, takeLocks } from './locks.ts';
import { insertMessages } from './outbox.ts';
import { prepared } from './prepared.ts';

/** From where to where the reading of a stream has come. */
export interface CursorMove {
  readonly stream: string;
  readonly from: string;
  readonly to: string;
}

interface Entries {
  /** One of each stream that had entries. */
  readonly moves: readonly CursorMove[];
  readonly operations: readonly NewOperation[];
  readonly messages: readonly Message[];
}

const accepted = z.strictObject({ held: z.boolean(), operations: z.array(acceptedOperation) });

/**
 * Moves the cursors behind entries that were read and takes what they ask for, all at once or nothing: one statement,
 * and so one transaction in one round trip. Returns the operations that were new, or null when a cursor was not where
 * the caller thought: somebody else pumps, and nothing was written.
 *
 * The cursors are locked before anything else, all of them or none counts; then the games' locks are taken, and only
 * then places are drawn (`acceptOperations` has why).
 */
export async function acceptEntries(
  db: CommonQueryMethods,
  { moves, operations, messages }: Entries,
): Promise<readonly AcceptedOperation[] | null> {
  const isHeld = sql.fragment`(select count(*) from held) = ${moves.length}`;
  const isLocked = sql.fragment`${isHeld} and ${LOCKS_ARE_HELD}`;
  // Left out where there is none: an insert of no rows at all still runs the triggers of its table.
  const told =
    messages.length > 0 ? sql.fragment`, told as (${insertMessages(messages, isHeld)})` : sql.fragment``;
  const found = await db.one(prepared(accepted)`
    with moves as (
      select * from ${sql.unnest(
        moves.map(({ stream, from, to }) => [stream, from, to]),
        ['text', 'text', 'text'],
      )} as move (stream, from_id, to_id)),
    held as materialized (
      select from rtmanager.stream_cursors as cursor join moves using (stream)
      where cursor.last_id = moves.from_id order by stream for update of cursor),
    moved as (
      update rtmanager.stream_cursors as cursor set last_id = moves.to_id, updated_at = now()
      from moves where cursor.stream = moves.stream and ${isHeld}),
    locked as materialized (${takeLocks(
      'accept',
      operations.map((one) => one.gameId),
      isHeld,
    )}),
    accepted as (${insertOperations(operations, isLocked)})${told}
    select ${isHeld} as held, coalesce((select json_agg(accepted) from accepted), '[]') as operations`);
  return found.held ? found.operations : null;
}
