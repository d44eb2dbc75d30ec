import { type CommonQueryMethods, sql } from 'slonik';
import { z } from 'zod';

const fleetGauges = z.strictObject({
  queued: z.number(),
  running: z.number(),
  /** Seconds since the oldest operation that has not ended was accepted; null without one. */
  oldestAge: z.number().nullable(),
  unpublished: z.number(),
  /** Seconds that the oldest of them waits; null without one. */
  oldestUnpublishedAge: z.number().nullable(),
  gamesRunning: z.number(),
  gamesStopped: z.number(),
  failingProbe: z.number(),
});
/** How much there is of everything that an operator watches. */
export type FleetGauges = z.infer<typeof fleetGauges>;

const age = (since: ReturnType<typeof sql.fragment>) =>
  sql.fragment`greatest(0, extract(epoch from clock_timestamp() - ${since}))::float8`;

/**
 * Counts by partial indexes, which hold what is under way and not what is over. So games that are removed are left out:
 * there are ever more of them, and counting them would go through them all.
 */
export function readFleetGauges(db: CommonQueryMethods): Promise<FleetGauges> {
  return db.one(sql.type(fleetGauges)`
    with waiting as (select count(*)::int4 as count, min(created_at) as oldest
      from rtmanager.outbox where published_at is null)
    select
      (select count(*)::int4 from rtmanager.operation_log where status = 'queued') as queued,
      (select count(*)::int4 from rtmanager.operation_log where status = 'running') as running,
      ${age(sql.fragment`least(
        (select accepted_at from rtmanager.operation_log where status = 'queued' order by seq limit 1),
        (select min(accepted_at) from rtmanager.operation_log where status = 'running'))`)} as "oldestAge",
      waiting.count as unpublished, ${age(sql.fragment`waiting.oldest`)} as "oldestUnpublishedAge",
      (select count(*)::int4 from rtmanager.runtime_records where status = 'running') as "gamesRunning",
      (select count(*)::int4 from rtmanager.runtime_records where status = 'stopped') as "gamesStopped",
      (select count(*)::int4 from rtmanager.probe_counters where told) as "failingProbe"
    from waiting`);
}
