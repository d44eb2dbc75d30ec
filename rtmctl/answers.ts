/** The answers of openapi/rtmanager.yaml, as far as tables show them; `--output json` shows them whole. */

export interface Runtime {
  readonly game_id: string;
  readonly status: string;
  readonly current_container_id: string | null;
  readonly current_image_ref: string;
  readonly started_at: string | null;
  readonly last_op_at: string;
  readonly health: { readonly status: string; readonly observed_at: string; readonly details: object } | null;
}

export interface Operation {
  readonly operation_id: string;
  readonly game_id: string;
  readonly op_kind: string;
  readonly op_source: string;
  readonly status: 'queued' | 'running' | 'finished';
  readonly attempt: number;
  readonly image_ref: string | null;
  readonly container_id: string | null;
  readonly outcome: 'success' | 'failure' | null;
  readonly error_code: string | null;
  readonly error_message: string | null;
  readonly requested_at: string;
  readonly finished_at: string | null;
}

export interface ReconcileStep {
  readonly game_id: string;
  readonly container_id: string | null;
  readonly record_status: string | null;
  readonly container_state: string;
  readonly action: string;
  readonly reason: string;
}

export interface ReconcilePlan {
  readonly observed_at: string;
  readonly records: number;
  readonly containers: number;
  readonly in_step: number;
  readonly steps: readonly ReconcileStep[];
  readonly dispose_brake: { readonly on: boolean; readonly would_dispose: number; readonly running: number };
}

export interface DeadLetter {
  readonly letter_id: string;
  readonly source_stream: string;
  readonly error_message: string;
  readonly fields: Readonly<Record<string, string>>;
  readonly rejected_at: string;
  readonly operation_id: string | null;
  readonly replayable: boolean;
}

interface ContainerView {
  readonly container_id: string;
  readonly name: string;
  readonly state: string;
  readonly exit_code: number | null;
  readonly finished_at: string | null;
  readonly recorded: boolean;
  readonly owned: boolean;
}

export interface Finding {
  readonly severity: string;
  readonly message: string;
  readonly advice: string | null;
}

export interface HealthEvent {
  readonly container_id: string;
  readonly event_type: string;
  readonly occurred_at: string;
  readonly details: object;
}

interface Reachable {
  readonly reachable: boolean;
  readonly message: string | null;
}

export interface Explanation {
  readonly cause: string;
  readonly summary: string;
  readonly findings: readonly Finding[];
  readonly next: { readonly at: string | null; readonly message: string };
  readonly runtime: Runtime | null;
  readonly docker: Reachable & { readonly containers: readonly ContainerView[] };
  readonly redis: Reachable;
  readonly exit: {
    readonly container_id: string;
    readonly exit_code: number;
    readonly oom_killed: boolean;
    readonly finished_at: string | null;
  } | null;
  readonly log_tail: { readonly lines: readonly string[] } | null;
  readonly queue: readonly Operation[];
  readonly operations: readonly Operation[];
  readonly health_events: readonly HealthEvent[];
  readonly reconcile: ReconcileStep | null;
}
