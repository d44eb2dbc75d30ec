import { type CommonQueryMethods, sql } from 'slonik';
import { z } from 'zod';

/** What is older than `untilMs` (epoch milliseconds) goes, `limit` rows at most, the oldest first. */
interface Batch {
  readonly untilMs: number;
  readonly limit: number;
}

/**
 * Deletes finished operations and returns how many. How far the log was forgotten is noted with the first that goes:
 * whoever reads a stream again must know that older requests are not recognised any more.
 */
export async function pruneOperations(db: CommonQueryMethods, { untilMs, limit }: Batch): Promise<number> {
  const until = sql.fragment`to_timestamp(${untilMs}::float8 / 1000)`;
  const pruned = await db.query(sql.unsafe`
    with old as (
      select operation_id from rtmanager.operation_log
      where status = 'finished' and finished_at < ${until} order by finished_at limit ${limit}),
    noted as (
      update rtmanager.deployment set operations_kept_from = greatest(operations_kept_from, ${until})
      where exists (select from old))
    delete from rtmanager.operation_log where operation_id = any(array(select operation_id from old))`);
  return pruned.rowCount;
}

/** Deletes what was last observed of games that have no container any more; returns of how many. */
export async function pruneSnapshots(db: CommonQueryMethods, { untilMs, limit }: Batch): Promise<number> {
  const pruned = await db.query(sql.unsafe`
    delete from rtmanager.health_snapshots where game_id = any(array(
      select game_id from rtmanager.health_snapshots as snapshot
      where observed_at < to_timestamp(${untilMs}::float8 / 1000) and not exists (
        select from rtmanager.runtime_records as record
        where record.game_id = snapshot.game_id and record.status <> 'removed')
      order by observed_at limit ${limit}))`);
  return pruned.rowCount;
}

/** Deletes what was told of the health of games; returns how many rows. Rows never change, so their place names them. */
export async function pruneHealthEvents(db: CommonQueryMethods, { untilMs, limit }: Batch): Promise<number> {
  const pruned = await db.query(sql.unsafe`
    delete from rtmanager.health_events where ctid = any(array(
      select ctid from rtmanager.health_events
      where occurred_at < to_timestamp(${untilMs}::float8 / 1000) order by occurred_at limit ${limit}))`);
  return pruned.rowCount;
}

const keptRow = z.strictObject({ keptFromMs: z.number().nullable() });

/** Since when every operation is remembered, epoch milliseconds; 0 while nothing was ever forgotten. */
export async function operationsKeptFrom(db: CommonQueryMethods): Promise<number> {
  const { keptFromMs } = await db.one(sql.type(keptRow)`
    select operations_kept_from as "keptFromMs" from rtmanager.deployment`);
  return keptFromMs ?? 0;
}
