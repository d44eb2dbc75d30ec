import { type CommonQueryMethods, sql } from 'slonik';
import { z } from 'zod';
import { type HealthEvent, SNAPSHOT_SOURCES, SNAPSHOT_STATUSES, STATUS_AFTER } from '../lib/health.ts';

/** The latest observation of one game. `observedAt` is epoch milliseconds. */
export const healthSnapshot = z.strictObject({
  containerId: z.string().nullable(),
  status: z.enum(SNAPSHOT_STATUSES),
  source: z.enum(SNAPSHOT_SOURCES),
  details: z.record(z.string(), z.unknown()),
  observedAt: z.number(),
});
export type HealthSnapshot = z.infer<typeof healthSnapshot>;

/**
 * Writes what an operation leaves behind. Operations are in order already, whatever the clocks of their replicas say, so
 * the later one counts; the time shown never goes back.
 */
export async function putSnapshot(db: CommonQueryMethods, gameId: string, event: HealthEvent): Promise<void> {
  await db.query(sql.unsafe`
    insert into rtmanager.health_snapshots (game_id, container_id, status, source, details, observed_at)
    values (${gameId}, ${event.containerId}, ${STATUS_AFTER[event.type]}, ${event.source},
      ${sql.jsonb(event.details as Record<string, string>)}, to_timestamp(${event.occurredAtMs}::float8 / 1000))
    on conflict (game_id) do update set container_id = excluded.container_id, status = excluded.status,
      source = excluded.source, details = excluded.details,
      observed_at = greatest(rtmanager.health_snapshots.observed_at, excluded.observed_at)`);
}
