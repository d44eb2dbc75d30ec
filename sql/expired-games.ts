import { type CommonQueryMethods, sql } from 'slonik';
import { z } from 'zod';
import type { RecordedGame } from '../lib/reconcile-plan.ts';

const expiredGame = z.strictObject({
  gameId: z.string(),
  status: z.literal('stopped'),
  currentContainerId: z.string().nullable(),
});

/** Games that stand still since `untilMs` (epoch milliseconds) or longer, `limit` at most, the oldest first. */
export async function listExpiredGames(
  db: CommonQueryMethods,
  { untilMs, limit }: { untilMs: number; limit: number },
): Promise<readonly RecordedGame[]> {
  return db.any(sql.type(expiredGame)`
    select game_id as "gameId", status, current_container_id as "currentContainerId" from rtmanager.runtime_records
    where status = 'stopped' and last_op_at <= to_timestamp(${untilMs}::float8 / 1000)
    order by last_op_at limit ${limit}`);
}
