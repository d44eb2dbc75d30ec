import { type CommonQueryMethods, sql } from 'slonik';
import { z } from 'zod';
import { operation } from '../lib/operation.ts';
import { operationColumns } from './operation-log.ts';

const historyEntry = operation.extend({ acceptedMicros: z.string() });
type HistoryEntry = z.infer<typeof historyEntry>;

/** Where an operation stands in its game's history: it has this place also when its row is gone. */
export interface HistoryPlace {
  /** When it was accepted, microseconds since the epoch. */
  readonly acceptedMicros: string;
  readonly operationId: string;
}

interface HistoryPage {
  gameId: string;
  /** Rows at most. */
  limit: number;
  /** The last operation of the page before. */
  after?: HistoryPlace | undefined;
}

/** A game's operations, newest first, from behind `after`: a page costs the same at any depth. */
export function listHistory(
  db: CommonQueryMethods,
  { gameId, limit, after }: HistoryPage,
): Promise<readonly HistoryEntry[]> {
  const behind = after
    ? sql.fragment`and (accepted_at, operation_id) <
        (timestamptz 'epoch' + ${after.acceptedMicros}::bigint * interval '1 microsecond', ${after.operationId}::uuid)`
    : sql.fragment``;
  return db.any(sql.type(historyEntry)`
    select ${operationColumns}, (extract(epoch from accepted_at) * 1000000)::bigint::text as "acceptedMicros"
    from rtmanager.operation_log where game_id = ${gameId} ${behind}
    order by accepted_at desc, operation_id desc limit ${limit}`);
}

const known = z.strictObject({ known: z.boolean() });

/** Whether anything was ever asked for the game; a record outlives the operations that made it. */
export async function isKnownGame(db: CommonQueryMethods, gameId: string): Promise<boolean> {
  const row = await db.one(sql.type(known)`
    select exists (select 1 from rtmanager.operation_log where game_id = ${gameId})
      or exists (select 1 from rtmanager.runtime_records where game_id = ${gameId}) as known`);
  return row.known;
}
