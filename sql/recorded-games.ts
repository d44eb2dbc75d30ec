import { type CommonQueryMethods, sql } from 'slonik';
import { z } from 'zod';
import type { RecordedGame } from '../lib/reconcile-plan.ts';
import { RUNTIME_STATUSES } from '../lib/runtime-record.ts';

const recordedGame = z.strictObject({
  gameId: z.string(),
  status: z.enum(RUNTIME_STATUSES),
  currentContainerId: z.string().nullable(),
});

const columns = sql.fragment`game_id as "gameId", status, current_container_id as "currentContainerId"`;

/** Every game that runs or is stopped, and those of the given ones that are removed. */
export async function listRecordedGames(
  db: CommonQueryMethods,
  alsoRemoved: readonly string[],
): Promise<readonly RecordedGame[]> {
  const listed = await db.any(sql.type(recordedGame)`
    select ${columns} from rtmanager.runtime_records where status in ('running', 'stopped')`);
  const known = new Set(listed.map((record) => record.gameId));
  // Nearly all are known by now; the others are few, however many games there are.
  const others = alsoRemoved.filter((gameId) => !known.has(gameId));
  if (others.length === 0) return listed;
  const found = await db.any(sql.type(recordedGame)`
    select ${columns} from rtmanager.runtime_records where game_id = any(${sql.array(others, 'text')})`);
  return [...listed, ...found];
}
