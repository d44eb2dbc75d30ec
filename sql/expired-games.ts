import { type CommonQueryMethods, sql } from 'slonik';
import { z } from 'zod';

const expiredGame = z.strictObject({ gameId: z.string() });

/** Games that stand still since `untilMs` (epoch milliseconds) or longer, `limit` at most, the oldest first. */
export async function listExpiredGames(
  db: CommonQueryMethods,
  { untilMs, limit }: { untilMs: number; limit: number },
): Promise<string[]> {
  const rows = await db.any(sql.type(expiredGame)`
    select game_id as "gameId" from rtmanager.runtime_records
    where status = 'stopped' and last_op_at <= to_timestamp(${untilMs}::float8 / 1000)
    order by last_op_at limit ${limit}`);
  return rows.map((row) => row.gameId);
}
