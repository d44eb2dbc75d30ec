import { type CommonQueryMethods, sql } from 'slonik';
import { z } from 'zod';
import type { ToldEvent } from '../lib/explain/facts.ts';
import type { HealthEventType } from '../lib/health.ts';

const row = z.strictObject({
  containerId: z.string(),
  // One that only a newer version knows is shown as it is.
  type: z.custom<HealthEventType>((read) => typeof read === 'string'),
  occurredAt: z.number(),
  details: z.string(),
});

/**
 * What was told of a game's health, newest first, `limit` at most. The rows are written by a trigger of the outbox
 * (docs/decisions/0016-health-history.md).
 */
export async function listHealthEvents(
  db: CommonQueryMethods,
  { gameId, limit }: { gameId: string; limit: number },
): Promise<ToldEvent[]> {
  const rows = await db.any(sql.type(row)`
    select container_id as "containerId", event_type as type, occurred_at as "occurredAt", details
    from rtmanager.health_events where game_id = ${gameId}
    order by occurred_at desc, outbox_id desc limit ${limit}`);
  return rows.map(({ details, ...told }) => ({ ...told, details: JSON.parse(details) }));
}
