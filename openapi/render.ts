import { daemonTimeMs } from '../lib/daemon-time.ts';
import type { DeadLetter } from '../lib/dead-letter.ts';
import type { OperationStep, ToldHealth } from '../lib/event-feed.ts';
import type { ExitEvidence } from '../lib/exit-evidence.ts';
import type { Operation } from '../lib/operation.ts';
import type { RuntimeRecord } from '../lib/runtime-record.ts';
import type { HealthSnapshot } from '../sql/health-snapshots.ts';

export const time = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString());

/** A record and its health as the contract's `Runtime`. */
export function renderRuntime(record: RuntimeRecord, snapshot: HealthSnapshot | null) {
  return {
    game_id: record.gameId,
    status: record.status,
    current_container_id: record.currentContainerId,
    current_image_ref: record.currentImageRef,
    image_digest: record.imageDigest,
    engine_endpoint: record.engineEndpoint,
    state_path: record.statePath,
    docker_network: record.dockerNetwork,
    created_at: time(record.createdAt),
    started_at: time(record.startedAt),
    stopped_at: time(record.stoppedAt),
    removed_at: time(record.removedAt),
    last_op_at: time(record.lastOpAt),
    health: snapshot && {
      container_id: snapshot.containerId,
      status: snapshot.status,
      source: snapshot.source,
      details: snapshot.details,
      observed_at: time(snapshot.observedAt),
    },
  };
}

/** A row of the operation log as the contract's `Operation`. */
export function renderOperation(operation: Operation) {
  return {
    operation_id: operation.operationId,
    game_id: operation.gameId,
    seq: operation.seq === null ? null : Number(operation.seq),
    op_kind: operation.opKind,
    op_source: operation.opSource,
    source_ref: operation.sourceRef,
    parent_operation_id: operation.parentOperationId,
    correlation_id: operation.correlationId,
    status: operation.status,
    attempt: operation.attempt,
    image_ref: operation.imageRef,
    reason: operation.reason,
    container_id: operation.containerId,
    outcome: operation.outcome,
    error_code: operation.errorCode,
    error_message: operation.errorMessage,
    requested_at: time(operation.requestedAt),
    started_at: time(operation.startedAt),
    finished_at: time(operation.finishedAt),
    exit_evidence: operation.exitEvidence && renderEvidence(operation.exitEvidence),
  };
}

/**
 * A letter as the contract's `DeadLetter`, with the operation that it was replayed as.
 *
 * @param keptFromMs since when every operation is remembered
 */
export function renderDeadLetter(letter: DeadLetter, operationId: string | undefined, keptFromMs: number) {
  return {
    letter_id: letter.letterId,
    source_stream: letter.sourceStream,
    source_entry_id: letter.sourceEntryId,
    error_code: letter.errorCode,
    error_message: letter.errorMessage,
    fields: letter.fields,
    rejected_at: time(letter.rejectedAt),
    operation_id: operationId ?? null,
    replayable: letter.isRead && (operationId !== undefined || letter.since >= keptFromMs),
  };
}

const renderEvidence = (evidence: ExitEvidence) => ({
  exit_code: evidence.exitCode,
  oom_killed: evidence.oomKilled,
  finished_at: time(daemonTimeMs(evidence.finishedAt)),
  last_log_lines: evidence.lastLogLines,
});

/** A step of an operation as the contract's `OperationFrame`. */
export const renderOperationFrame = (step: OperationStep, toldAtMs: number) => ({
  operation_id: step.operationId,
  game_id: step.gameId,
  op_kind: step.opKind,
  op_source: step.opSource,
  parent_operation_id: step.parentOperationId,
  correlation_id: step.correlationId,
  status: step.status,
  attempt: step.attempt,
  image_ref: step.imageRef,
  reason: step.reason,
  container_id: step.containerId,
  outcome: step.outcome,
  error_code: step.errorCode,
  error_message: step.errorMessage,
  occurred_at: time(toldAtMs),
});

/** A health event as the contract's `HealthEventFrame`. */
export const renderHealthFrame = (health: ToldHealth) => ({
  game_id: health.gameId,
  container_id: health.containerId,
  event_type: health.type,
  occurred_at: time(health.occurredAtMs),
  details: health.details,
});
