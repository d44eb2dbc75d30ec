import { type CommonQueryMethods, sql } from 'slonik';
import { z } from 'zod';
import type { Finding } from '../lib/inspection.ts';
import type { RunningGame } from './running-games.ts';

const findingRow = z.strictObject({
  gameId: z.string(),
  containerId: z.string(),
  restartCount: z.int(),
  problems: z.array(z.string()),
});

/** What was last found of these games, by game; most have nothing. */
export async function getFindings(
  db: CommonQueryMethods,
  gameIds: readonly string[],
): Promise<Map<string, Finding>> {
  const rows = await db.any(sql.type(findingRow)`
    select game_id as "gameId", container_id as "containerId", restart_count as "restartCount", problems
    from rtmanager.inspect_findings where game_id = any(${sql.array([...gameIds], 'text')})`);
  return new Map(rows.map(({ gameId, ...finding }) => [gameId, finding]));
}

/** Notes what was found of each game, in place of what was found before. Game ids are unique among them. */
export async function putFindings(
  transaction: CommonQueryMethods,
  findings: readonly (Finding & { readonly gameId: string })[],
  observedAtMs: number,
): Promise<void> {
  if (findings.length === 0) return;
  await transaction.query(sql.unsafe`
    insert into rtmanager.inspect_findings as known (game_id, container_id, restart_count, problems, observed_at)
    select game_id, container_id, restart_count, problems::jsonb, to_timestamp(${observedAtMs}::float8 / 1000)
    from ${sql.unnest(
      findings.map((one) => [one.gameId, one.containerId, one.restartCount, JSON.stringify(one.problems)]),
      ['text', 'text', 'int4', 'text'],
    )} as found (game_id, container_id, restart_count, problems) order by game_id
    on conflict (game_id) do update set container_id = excluded.container_id,
      restart_count = excluded.restart_count, problems = excluded.problems, observed_at = excluded.observed_at`);
}

/**
 * Snapshots go back to healthy: those that tell of what an inspection found in that very container. What somebody else
 * has told since stands, and a probe that has told of its failure will tell of its recovery, which is the time for it.
 */
export async function endUnhealthy(
  transaction: CommonQueryMethods,
  games: readonly RunningGame[],
  observedAtMs: number,
): Promise<void> {
  if (games.length === 0) return;
  await transaction.query(sql.unsafe`
    update rtmanager.health_snapshots as snapshot
    set status = 'healthy', source = 'inspect', details = '{}',
      observed_at = greatest(observed_at, to_timestamp(${observedAtMs}::float8 / 1000))
    from ${sql.unnest(
      games.map((game) => [game.gameId, game.containerId]),
      ['text', 'text'],
    )} as game (game_id, container_id)
    where snapshot.game_id = game.game_id and snapshot.container_id = game.container_id
      and snapshot.status = 'inspect_unhealthy'
      and coalesce((
        select not told from rtmanager.probe_counters as probe
        where probe.game_id = game.game_id and probe.container_id = game.container_id), true)`);
}
