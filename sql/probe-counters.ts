import { type CommonQueryMethods, sql } from 'slonik';
import { type ProbeCounter, probeCounter } from '../lib/probe-spell.ts';
import { storableText } from '../lib/storable-text.ts';

/** The counters of those games that have one, by game. */
export async function findCounters(
  db: CommonQueryMethods,
  gameIds: readonly string[],
): Promise<Map<string, ProbeCounter>> {
  const rows = await db.any(sql.type(probeCounter)`
    select game_id as "gameId", container_id as "containerId", consecutive_failures as "consecutiveFailures",
      failing_since as "failingSince", last_status as "lastStatus", last_error as "lastError", told,
      observed_at as "observedAt"
    from rtmanager.probe_counters where game_id = any(${sql.array([...gameIds], 'text')})`);
  return new Map(rows.map((row) => [row.gameId, row]));
}

export async function putCounters(
  transaction: CommonQueryMethods,
  counters: readonly ProbeCounter[],
): Promise<void> {
  if (counters.length === 0) return;
  await transaction.query(sql.unsafe`
    insert into rtmanager.probe_counters (game_id, container_id, consecutive_failures, failing_since, last_status,
      last_error, told, observed_at)
    select game_id, container_id, consecutive_failures, to_timestamp(failing_since / 1000), last_status, last_error,
      told, to_timestamp(observed_at / 1000)
    from ${sql.unnest(
      counters.map((one) => [
        one.gameId,
        one.containerId,
        one.consecutiveFailures,
        one.failingSince,
        one.lastStatus,
        storableText(one.lastError),
        one.told,
        one.observedAt,
      ]),
      ['text', 'text', 'int4', 'float8', 'int4', 'text', 'bool', 'float8'],
    )} as counter (game_id, container_id, consecutive_failures, failing_since, last_status, last_error, told,
      observed_at)
    order by game_id
    on conflict (game_id) do update set container_id = excluded.container_id,
      consecutive_failures = excluded.consecutive_failures, failing_since = excluded.failing_since,
      last_status = excluded.last_status, last_error = excluded.last_error, told = excluded.told,
      observed_at = excluded.observed_at`);
}

export async function dropCounters(
  transaction: CommonQueryMethods,
  gameIds: readonly string[],
): Promise<void> {
  if (gameIds.length === 0) return;
  await transaction.query(sql.unsafe`
    delete from rtmanager.probe_counters where game_id = any(${sql.array([...gameIds], 'text')})`);
}

/**
 * The container that the game of a `counter` runs in; null where it does not run. One look-up each: joined, PostgreSQL
 * would read all records for the few games that fail.
 */
export const recordedContainer = sql.fragment`(
  select current_container_id from rtmanager.runtime_records as record
  where record.game_id = counter.game_id and status = 'running')`;

/** A spell ends with its container, whoever ended that. One that is being counted now is left to the next time. */
export async function dropEndedCounters(db: CommonQueryMethods): Promise<void> {
  await db.query(sql.unsafe`
    delete from rtmanager.probe_counters where game_id in (
      select game_id from rtmanager.probe_counters as counter
      where counter.container_id is distinct from ${recordedContainer}
      order by game_id for update skip locked)`);
}
