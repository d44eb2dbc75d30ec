import { type CommonQueryMethods, sql } from 'slonik';
import { z } from 'zod';
import {
  type FoundHealthy,
  type HealthEvent,
  SNAPSHOT_SOURCES,
  SNAPSHOT_STATUSES,
  type SnapshotStatus,
  STATUS_AFTER,
} from '../lib/health.ts';

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
export const putSnapshot = (db: CommonQueryMethods, gameId: string, event: HealthEvent): Promise<void> =>
  put(db, gameId, { ...event, status: STATUS_AFTER[event.type] });

/** Writes that the container is as it should be. */
export const putHealthy = (db: CommonQueryMethods, gameId: string, found: FoundHealthy): Promise<void> =>
  put(db, gameId, { ...found, status: 'healthy', details: {} });

type Observation = FoundHealthy & { readonly status: SnapshotStatus; readonly details: object };

async function put(db: CommonQueryMethods, gameId: string, event: Observation): Promise<void> {
  await db.query(sql.unsafe`
    insert into rtmanager.health_snapshots (game_id, container_id, status, source, details, observed_at)
    values (${gameId}, ${event.containerId}, ${event.status}, ${event.source},
      ${sql.jsonb(event.details as Record<string, string>)}, to_timestamp(${event.occurredAtMs}::float8 / 1000))
    on conflict (game_id) do update set container_id = excluded.container_id, status = excluded.status,
      source = excluded.source, details = excluded.details,
      observed_at = greatest(rtmanager.health_snapshots.observed_at, excluded.observed_at)`);
}
