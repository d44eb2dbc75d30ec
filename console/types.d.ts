// What the API answers, as openapi/rtmanager.yaml has it, and what only the console asks for.

export interface Health {
  container_id: string | null;
  status: string;
  source: string;
  details: Record<string, unknown>;
  observed_at: string;
}

export interface Runtime {
  game_id: string;
  status: 'running' | 'stopped' | 'removed';
  current_container_id: string | null;
  current_image_ref: string;
  image_digest: string | null;
  engine_endpoint: string;
  state_path: string;
  docker_network: string;
  created_at: string;
  started_at: string | null;
  stopped_at: string | null;
  removed_at: string | null;
  last_op_at: string;
  health: Health | null;
}

export interface ExitEvidence {
  exit_code: number;
  oom_killed: boolean;
  finished_at: string | null;
  last_log_lines: string[] | null;
}

export interface Operation {
  operation_id: string;
  game_id: string;
  op_kind: string;
  op_source: string;
  source_ref: string | null;
  parent_operation_id: string | null;
  status: 'queued' | 'running' | 'finished';
  attempt: number;
  image_ref: string | null;
  reason: string | null;
  container_id: string | null;
  outcome: 'success' | 'failure' | null;
  error_code: string | null;
  error_message: string | null;
  requested_at: string;
  started_at: string | null;
  finished_at: string | null;
  exit_evidence: ExitEvidence | null;
}

export interface Page<Item> {
  items: Item[];
  next_cursor: string | null;
}

/** A request by stream that could not be read. */
export interface DeadLetter {
  letter_id: string;
  source_stream: string;
  error_message: string;
  fields: Record<string, string>;
  rejected_at: string;
  /** What it was replayed as. */
  operation_id: string | null;
  /** Not where nobody reads its stream any more, or it may have been replayed and forgotten. */
  replayable: boolean;
}

export interface ContainerView {
  container_id: string;
  name: string;
  image_ref: string | null;
  state: string;
  exit_code: number | null;
  started_at: string | null;
  finished_at: string | null;
  owned: boolean;
  recorded: boolean;
  operation_id: string | null;
  attempt: number | null;
}

export interface Finding {
  severity: 'info' | 'warning' | 'problem';
  message: string;
  evidence: string[];
  advice: string | null;
}

export interface Explanation {
  findings: Finding[];
  next: { action: string; at: string | null; message: string };
  docker: { reachable: boolean; message: string | null; containers: ContainerView[] };
  health_events: HealthEventFrame[];
}

export interface Stats {
  observed_at: string;
  cpu_percent: number;
  cpu_quota: number | null;
  memory_used_bytes: number;
  memory_limit_bytes: number | null;
  network_rx_bytes: number;
  network_tx_bytes: number;
  block_read_bytes: number;
  block_write_bytes: number;
  pids: number;
  pids_limit: number | null;
}

export interface HealthEventFrame {
  game_id: string;
  container_id: string;
  event_type: string;
  occurred_at: string;
  details: Record<string, unknown>;
}

/** A step of an operation, as it is told live. */
export interface OperationFrame {
  operation_id: string;
  game_id: string;
  op_kind: string;
  parent_operation_id: string | null;
  status: string;
  outcome: string | null;
  error_code: string | null;
  occurred_at: string;
}

export interface Readiness {
  status: 'ready' | 'not_ready';
  checks: Record<
    string,
    { status: 'ok' | 'failed'; message?: string; warnings?: string[]; duration_ms: number }
  >;
}

export interface FleetCounts {
  games: { status: string; health: string | null; attention: boolean; games: number }[];
  queue: { queued: number; running: number; oldest_queued_at: string | null };
}

export interface FleetRow {
  game_id: string;
  status: string;
  health: string | null;
  attention: boolean;
  image_ref: string;
  started_at: string | null;
  last_op_at: string;
  last_operation: {
    op_kind: string;
    status: string;
    outcome: string | null;
    error_code: string | null;
    at: string;
  } | null;
}

/** What the list of games shows: the part of the address behind `#/?`. */
export interface FleetFilter {
  text: string;
  status: string;
  health: string;
  order: string;
  page: number;
}

export type Tone = 'good' | 'bad' | 'warn' | 'quiet' | 'busy';

/** One moment in the life of a game. */
export interface TimelineEntry {
  /** The same moment has the same key at the next look. */
  key: string;
  /** Milliseconds since the epoch. */
  at: number;
  kind: 'operation' | 'health' | 'docker';
  tone: Tone;
  title: string;
  text: string;
  facts: [name: string, value: string][];
  /** Lines of the engine's log. */
  lines: string[];
}

/** What fills the page: the fleet, or one game. */
export interface View {
  element: HTMLElement;
  /** Asks for everything again; rejects when the service does not answer. */
  refresh(): Promise<void>;
  /** A health event that happens now. */
  onHealth(event: HealthEventFrame): void;
  /** An operation that takes a step now. */
  onOperation(operation: OperationFrame): void;
  dispose(): void;
}
