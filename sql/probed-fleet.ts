import { type CommonQueryMethods, sql } from 'slonik';
import { z } from 'zod';
import { LEAST_FLEET } from '../lib/prober-trouble.ts';

const fleetView = z.strictObject({
  /** Every running game is probed once a round. Counted up to where more of them make no difference. */
  probed: z.number(),
  failing: z.number(),
  /** When a tick was due that last found the prober in trouble. */
  lastTroubleAtMs: z.number().nullable(),
});

/**
 * How the last round went, by the last probe of each game.
 *
 * @param failed games that have just failed, whatever is written of them
 * @param compared a further number that the games will be compared with
 */
export function viewFleet(
  db: CommonQueryMethods,
  { failed, compared }: { failed: readonly string[]; compared: number },
): Promise<z.infer<typeof fleetView>> {
  return db.one(sql.type(fleetView)`
    with failing as materialized (
      select count(*)::int + ${failed.length}::int as games from rtmanager.probe_counters as counter
      where exists (
        select from rtmanager.runtime_records as record
        where record.game_id = counter.game_id and status = 'running'
          and current_container_id = counter.container_id)
      and not exists (
        select from unnest(${sql.array([...failed], 'text')}) as just (game_id)
        where just.game_id = counter.game_id))
    select failing.games as failing,
      (select count(*)::int from (
        select from rtmanager.runtime_records where status = 'running'
        limit (select greatest(${LEAST_FLEET}::int, 2 * greatest(games, ${compared}::int)) from failing)) as some
      ) as probed,
      (select last_seen_at from rtmanager.prober_trouble) as "lastTroubleAtMs"
    from failing`);
}

/**
 * Notes that a tick found the prober in trouble. True for one of a spell only, the first: when there was none for
 * `quietMs`.
 */
export async function noteTrouble(
  transaction: CommonQueryMethods,
  { dueAtMs, quietMs }: { dueAtMs: number; quietMs: number },
): Promise<boolean> {
  const dueAt = sql.fragment`to_timestamp(${dueAtMs}::float8 / 1000)`;
  const quiet = sql.fragment`${quietMs} * interval '1 millisecond'`;
  const first = await transaction.query(sql.unsafe`
    insert into rtmanager.prober_trouble (since, last_seen_at) values (${dueAt}, ${dueAt})
    on conflict (only_row) do nothing`);
  if (first.rowCount === 1) return true;
  // A clock that was set back begins a spell as well.
  const begun = await transaction.query(sql.unsafe`
    update rtmanager.prober_trouble set since = ${dueAt}, last_seen_at = ${dueAt}
    where last_seen_at not between ${dueAt} - ${quiet} and ${dueAt} + ${quiet}`);
  if (begun.rowCount === 1) return true;
  await transaction.query(sql.unsafe`
    update rtmanager.prober_trouble set last_seen_at = ${dueAt} where last_seen_at < ${dueAt}`);
  return false;
}
