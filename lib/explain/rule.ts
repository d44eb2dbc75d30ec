import type { Facts } from './facts.ts';

/** Stable; openapi/rtmanager.yaml has the same list, docs/operating.md says what to do about each. */
export const CAUSES = [
  'reconcile_held',
  'daemon_changed',
  'docker_away',
  'redis_away',
  'operation_retried',
  'replica_lost',
  'patch_rolled_back',
  'image_ref_invalid',
  'network_missing',
  'start_config_invalid',
  'image_pull_failed',
  'container_start_failed',
  'docker_unavailable',
  'internal_error',
  'container_removed',
  'out_of_memory',
  'engine_killed',
  'engine_crashed',
  'engine_exited',
  'probe_failing',
  'inspect_unhealthy',
  'pull_waiting',
  'memory_short',
  'probe_missed',
  'unrecorded_container',
  'container_left',
  'request_refused',
  'operation_running',
  'operation_waiting',
  'running',
  'died_before',
  'stopped_on_request',
  'stopped',
  'cleaned_up',
  'removed',
  'never_started',
  'unexplained',
] as const;
export type Cause = (typeof CAUSES)[number];

/** The most urgent first. */
export const SEVERITIES = ['problem', 'warning', 'info'] as const;
export type Severity = (typeof SEVERITIES)[number];

/** What a rule has found, for a person. */
export interface Found {
  /** One or two sentences. */
  readonly message: string;
  /** What it is concluded from, a fact each. */
  readonly evidence: readonly string[];
  /** What a person can do; null where nothing needs to be done. */
  readonly advice: string | null;
}

/** One thing that may be the matter with a game. Pure: facts in, at most one finding out. */
export interface Rule {
  readonly code: Cause;
  readonly severity: Severity;
  readonly find: (facts: Facts) => Found | null;
}

/** A moment, for a sentence. */
export const at = (ms: number | null): string =>
  ms === null ? 'an unknown time' : new Date(ms).toISOString();

/** A container's id as people know it. */
export const short = (containerId: string | null): string => containerId?.slice(0, 12) || 'unknown';
