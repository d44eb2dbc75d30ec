import { type CommonQueryMethods, type FragmentSqlToken, sql } from 'slonik';
import { z } from 'zod';
import {
  type FoundHealthy,
  type HealthEvent,
  type SnapshotSource,
  type SnapshotStatus,
  STATUS_AFTER,
} from '../lib/health.ts';

const isText = (read: unknown): boolean => typeof read === 'string';

/**
 * The latest observation of one game. `observedAt` is epoch milliseconds. A status or source that only a newer version
 * knows is shown as it is, while that takes over from this one: a list of many games must not fail for it.
 */
export const healthSnapshot = z.strictObject({
  containerId: z.string().nullable(),
  status: z.custom<SnapshotStatus>(isText),
  source: z.custom<SnapshotSource>(isText),
  details: z.record(z.string(), z.unknown()),
  observedAt: z.number(),
});
export type HealthSnapshot = z.infer<typeof healthSnapshot>;

type Observation = FoundHealthy & {
  readonly gameId: string;
  readonly status: SnapshotStatus;
  readonly details: object;
};

/** What an event shows of its game. */
export const observationOf = (gameId: string, event: HealthEvent): Observation => ({
  gameId,
  ...event,
  status: STATUS_AFTER[event.type],
});

/** That the container is as it should be. */
export const healthyObservation = (gameId: string, found: FoundHealthy): Observation => ({
  gameId,
  ...found,
  status: 'healthy',
  details: {},
});

/** Writes what an operation leaves behind. */
export const putSnapshot = (db: CommonQueryMethods, gameId: string, event: HealthEvent): Promise<void> =>
  putSnapshots(db, [{ gameId, event }]);

/** The same of many games at once, each of which is there once. */
export async function putSnapshots(
  db: CommonQueryMethods,
  told: readonly { readonly gameId: string; readonly event: HealthEvent }[],
): Promise<void> {
  if (told.length === 0) return;
  const observations = told.map(({ gameId, event }) => observationOf(gameId, event));
  await db.query(sql.unsafe`${upsertSnapshots(observations)}`);
}

/**
 * The same as a part of a larger statement, there under a condition. Operations are in order already, whatever the
 * clocks of their replicas say, so the later one counts; the time shown never goes back.
 */
export const upsertSnapshots = (
  observations: readonly Observation[],
  onlyIf = sql.fragment`true`,
): FragmentSqlToken => sql.fragment`
  insert into rtmanager.health_snapshots (game_id, container_id, status, source, details, observed_at)
  select game_id, container_id, status, source, details::jsonb, to_timestamp(occurred_at_ms / 1000)
  from ${sql.unnest(
    observations.map((one) => [
      one.gameId,
      one.containerId,
      one.status,
      one.source,
      JSON.stringify(one.details),
      one.occurredAtMs,
    ]),
    ['text', 'text', 'text', 'text', 'text', 'float8'],
  )} as seen (game_id, container_id, status, source, details, occurred_at_ms) where ${onlyIf} order by game_id
  on conflict (game_id) do update set container_id = excluded.container_id, status = excluded.status,
    source = excluded.source, details = excluded.details,
    observed_at = greatest(rtmanager.health_snapshots.observed_at, excluded.observed_at)`;
