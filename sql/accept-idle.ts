import { type CommonQueryMethods, sql } from 'slonik';
import { z } from 'zod';
import type { RecordedGame } from '../lib/reconcile-plan.ts';
import { acceptOperations, type NewOperation } from './accept-operations.ts';
import { lockGames } from './locks.ts';
import type { WaitingGame } from './operation-log.ts';
import type { Db } from './pool.ts';

const gameRow = z.strictObject({ gameId: z.string() });

/** Those of the games whose turn is taken: with an operation that has not ended. */
export async function findBusy(db: CommonQueryMethods, gameIds: readonly string[]): Promise<Set<string>> {
  const rows = await db.any(sql.type(gameRow)`
    select game_id as "gameId" from unnest(${sql.array([...gameIds], 'text')}) as game (game_id)
    where exists (
      select 1 from rtmanager.operation_log as entry where entry.game_id = game.game_id and status <> 'finished')`);
  return new Set(rows.map((row) => row.gameId));
}

/** What RTM itself finds to do about a game. */
export interface FoundOperation extends NewOperation {
  /** The record that it was found by; null where there was none. */
  readonly seen: Omit<RecordedGame, 'gameId'> | null;
}

/** Those of the games whose record is still the one that was seen. */
async function findUnchanged(
  db: CommonQueryMethods,
  operations: readonly FoundOperation[],
): Promise<Set<string>> {
  const rows = await db.any(sql.type(gameRow)`
    select seen.game_id as "gameId"
    from ${sql.unnest(
      operations.map(({ gameId, seen }) => [gameId, seen?.status ?? null, seen?.currentContainerId ?? null]),
      ['text', 'text', 'text'],
    )} as seen (game_id, status, container_id)
    left join rtmanager.runtime_records as record on record.game_id = seen.game_id
    where record.status is not distinct from seen.status
      and record.current_container_id is not distinct from seen.container_id`);
  return new Set(rows.map((row) => row.gameId));
}

/**
 * Queues what RTM itself finds to do, of games with nothing else to do and still as they were seen; the others are left
 * out. So a game has one such operation at most, and people come first. Must run in a transaction.
 */
export async function acceptIdle(
  transaction: CommonQueryMethods,
  operations: readonly FoundOperation[],
): Promise<readonly WaitingGame[]> {
  const gameIds = operations.map((one) => one.gameId);
  // Before the look: who accepts at the same time waits for this transaction, or was seen by it.
  await lockGames(transaction, 'accept', gameIds);
  const busy = await findBusy(transaction, gameIds);
  const idle = operations.filter((one) => !busy.has(one.gameId));
  if (idle.length === 0) return [];
  // After the look at who is busy: an operation that ended before it has changed its record by now, and whatever was
  // found while it was at work was its own doing.
  const unchanged = await findUnchanged(transaction, idle);
  return acceptOperations(
    transaction,
    idle.filter((one) => unchanged.has(one.gameId)),
  );
}

/** Games whose operations are accepted in one transaction: each is a lock until that ends. */
const BATCH = 500;

/**
 * The same for any number of games, in transactions of its own.
 *
 * @param wake told of the games of each batch when it is committed
 * @returns how many were queued
 */
export async function acceptIdleGames(
  db: Db,
  operations: readonly FoundOperation[],
  wake: (games: readonly WaitingGame[]) => Promise<void>,
): Promise<number> {
  let accepted = 0;
  for (let from = 0; from < operations.length; from += BATCH) {
    const batch = operations.slice(from, from + BATCH);
    const waiting = await db.transaction((transaction) => acceptIdle(transaction, batch));
    accepted += waiting.length;
    if (waiting.length > 0) await wake(waiting);
  }
  return accepted;
}
