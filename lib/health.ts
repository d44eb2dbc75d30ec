/** Technical health of a game's container, as told on `runtime:health_events` (spec, section 2.4). */

export const SNAPSHOT_STATUSES = [
  'healthy',
  'exited',
  'oom',
  'container_disappeared',
  'inspect_unhealthy',
  'probe_failed',
] as const;
export type SnapshotStatus = (typeof SNAPSHOT_STATUSES)[number];

export const SNAPSHOT_SOURCES = ['docker_event', 'probe', 'inspect', 'start', 'reconcile'] as const;
export type SnapshotSource = (typeof SNAPSHOT_SOURCES)[number];

/** What each event carries in `details`; a missing or surplus field is a compile error. */
export interface HealthDetails {
  container_started: { image_ref: string };
  container_exited: { exit_code: number; oom: boolean };
  container_oom: { exit_code?: number };
  container_disappeared: Record<string, never>;
  inspect_unhealthy: { restart_count: number; state: string; health: string };
  probe_failed: { consecutive_failures: number; last_status: number | null; last_error: string };
  probe_recovered: { prior_failure_count: number };
}
export type HealthEventType = keyof HealthDetails;

/** The snapshot status that each event leaves behind. */
export const STATUS_AFTER: Readonly<Record<HealthEventType, SnapshotStatus>> = {
  container_started: 'healthy',
  container_exited: 'exited',
  container_oom: 'oom',
  container_disappeared: 'container_disappeared',
  inspect_unhealthy: 'inspect_unhealthy',
  probe_failed: 'probe_failed',
  probe_recovered: 'healthy',
};

/** The container is as it should be, and nobody needs to be told. */
export interface FoundHealthy {
  readonly source: SnapshotSource;
  readonly containerId: string;
  readonly occurredAtMs: number;
}

/** One observation; becomes a snapshot row and, after it, a stream entry. */
export type HealthEvent = {
  [Type in HealthEventType]: {
    readonly type: Type;
    readonly source: SnapshotSource;
    readonly containerId: string;
    readonly occurredAtMs: number;
    readonly details: HealthDetails[Type];
    /** Set where it may be found twice; the second one is not told. */
    readonly dedupeKey?: string;
  };
}[HealthEventType];
