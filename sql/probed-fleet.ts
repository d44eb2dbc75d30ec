import { type CommonQueryMethods, sql } from 'slonik';
import { z } from 'zod';
import { LEAST_FLEET, LEAST_SUSPECT_STATUS } from '../lib/prober-trouble.ts';
import { recordedContainer } from './probe-counters.ts';

const fleetView = z.strictObject({
  /** Every running game is probed once a round. Counted up to where more of them make no difference. */
  probed: z.number(),
  /** Those whose last probe failed, the ones that have just failed among them. */
  failing: z.number(),
  /** Those of which that was written before. */
  failingBefore: z.number(),
  /** When a tick was due that last found the prober in trouble. */
  lastTroubleAtMs: z.number().nullable(),
});
type FleetView = z.infer<typeof fleetView>;

/** The same rule as `mayBeProber`, for counters. */
const ofProber = sql.fragment`coalesce(counter.last_status >= ${LEAST_SUSPECT_STATUS}, true)`;

/**
 * How the last round went, by the last probe of each game. Running games are counted in the order of their phases, whose
 * index has no others.
 *
 * @param failed games that have just failed
 * @param suspect how many of these failures may come from the prober (lib/prober-trouble.ts)
 * @param compared a further number that the games will be compared with
 */
export function viewFleet(
  db: CommonQueryMethods,
  { failed, suspect, compared }: { failed: readonly string[]; suspect: number; compared: number },
): Promise<FleetView> {
  return db.one(sql.type(fleetView)`
    with known as materialized (
      select (select count(*)::int from rtmanager.probe_counters as counter
          where counter.container_id = ${recordedContainer} and ${ofProber}) as before,
        (select count(*)::int from rtmanager.probe_counters as counter
          where counter.container_id = ${recordedContainer} and ${ofProber}
            and counter.game_id = any(${sql.array([...failed], 'text')})) as again),
    fleet as (select before, before - again + ${suspect}::int as failing from known)
    select failing, before as "failingBefore",
      (select count(*)::int from (
        select from rtmanager.runtime_records where status = 'running' order by hashtext(game_id)
        limit greatest(${LEAST_FLEET}::int, 2 * (select greatest(failing, before, ${compared}::int) from fleet))
      ) as counted) as probed,
      (select last_seen_at from rtmanager.prober_trouble) as "lastTroubleAtMs"
    from fleet`);
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
