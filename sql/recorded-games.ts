import { type CommonQueryMethods, sql } from 'slonik';
import { z } from 'zod';
import type { RecordedGame } from '../lib/reconcile-plan.ts';
import { RUNTIME_STATUSES } from '../lib/runtime-record.ts';

const recordedGame = z.strictObject({
  gameId: z.string(),
  status: z.enum(RUNTIME_STATUSES),
  currentContainerId: z.string().nullable(),
});

/** Every game that runs or is stopped, and those of the given ones that are removed. */
export function listRecordedGames(
  db: CommonQueryMethods,
  alsoRemoved: readonly string[],
): Promise<readonly RecordedGame[]> {
  return db.any(sql.type(recordedGame)`
    select game_id as "gameId", status, current_container_id as "currentContainerId"
    from rtmanager.runtime_records where status in ('running', 'stopped')
    union all
    select game_id, status, current_container_id from rtmanager.runtime_records
    where game_id = any(${sql.array([...alsoRemoved], 'text')}) and status = 'removed'`);
}
