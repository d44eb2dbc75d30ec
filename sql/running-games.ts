import { type CommonQueryMethods, sql } from 'slonik';
import { z } from 'zod';
import type { HashRange } from '../lib/tick-slice.ts';

const runningGame = z.strictObject({ gameId: z.string(), containerId: z.string() });
/** A game that runs by its record, and the container that it runs in. */
export type RunningGame = z.infer<typeof runningGame>;

/** The running games of one slice of a round. */
export function listRunning(
  db: CommonQueryMethods,
  { from, to }: HashRange,
): Promise<readonly RunningGame[]> {
  return db.any(sql.type(runningGame)`
    select game_id as "gameId", current_container_id as "containerId" from rtmanager.runtime_records
    where status = 'running' and hashtext(game_id) between ${from} and ${to}`);
}

const gameRow = z.strictObject({ gameId: z.string() });

/**
 * Those of the games whose record still says that they run in that container; it says so until the transaction ends.
 * Locked in one order everywhere, so that two ticks with the same games can not wait for each other.
 */
export async function lockRunning(
  transaction: CommonQueryMethods,
  games: readonly RunningGame[],
): Promise<Set<string>> {
  const rows = await transaction.any(sql.type(gameRow)`
    select record.game_id as "gameId" from rtmanager.runtime_records as record
    join ${sql.unnest(
      games.map((game) => [game.gameId, game.containerId]),
      ['text', 'text'],
    )} as game (game_id, container_id)
      on record.game_id = game.game_id and record.current_container_id = game.container_id
    where status = 'running' order by record.game_id for update of record`);
  return new Set(rows.map((row) => row.gameId));
}
