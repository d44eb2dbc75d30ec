import type { InspectedContainer } from './docker/container.ts';
import type { Effects, InnerEntry } from './effects.ts';
import type { ExitEvidence } from './exit-evidence.ts';
import type { SnapshotSource } from './health.ts';
import { type RuntimeRecord, recordRemoval, recordStop } from './runtime-record.ts';

/**
 * What follows when a record says `running` and Docker does not (spec, section 5). Each returns the record and the
 * incident that belong together, so that whoever finds it first tells the same story.
 */

/** Who found it, and when. */
export interface Finding {
  readonly source: SnapshotSource;
  /** Epoch milliseconds. */
  readonly nowMs: number;
}

/**
 * The container is there and has ended. One that the kernel killed for want of memory is told as such first, once:
 * Docker's own event of it may have come before, or never.
 */
export function exited(
  record: RuntimeRecord,
  container: InspectedContainer,
  { source, nowMs }: Finding,
): Effects {
  const { id: containerId, exitCode, oomKilled } = container;
  const seen = { source, containerId, occurredAtMs: nowMs };
  return {
    record: recordStop(record, nowMs),
    health: [
      ...(oomKilled
        ? [
            {
              ...seen,
              type: 'container_oom',
              details: { exit_code: exitCode },
              dedupeKey: oomKey(containerId),
            } as const,
          ]
        : []),
      { ...seen, type: 'container_exited', details: { exit_code: exitCode, oom: oomKilled } },
    ],
  };
}

/**
 * Whether the recorded container ended and was started again behind RTM's back (`docker restart`). Docker's own restarts
 * are counted by Docker and told by the inspection.
 */
export const wasRestarted = (record: RuntimeRecord, container: InspectedContainer): boolean =>
  record.status === 'running' &&
  record.currentContainerId === container.id &&
  container.running &&
  container.restartCount === 0 &&
  container.endedBeforeAt !== null &&
  container.startedAt !== null &&
  Date.parse(container.startedAt) !== record.startedAt;

/** The end that nobody asked for, and the start behind it; the record has the time of that start. */
export function restarted(
  record: RuntimeRecord,
  container: InspectedContainer,
  { source, nowMs }: Finding,
  exitCode: number,
): Effects {
  const seen = { source, containerId: container.id, occurredAtMs: nowMs };
  const startedAt = Date.parse(container.startedAt ?? '');
  return {
    record: { expected: record, next: { ...record, startedAt, lastOpAt: nowMs } },
    health: [
      { ...seen, type: 'container_exited', details: { exit_code: exitCode, oom: false } },
      { ...seen, type: 'container_started', details: { image_ref: record.currentImageRef } },
    ],
  };
}

/** A container is told out of memory once, whoever finds out first. */
export const oomKey = (containerId: string): string => `oom:${containerId}`;

/** There is no such container any more. */
export function disappeared(record: RuntimeRecord, { source, nowMs }: Finding): Effects {
  return {
    record: recordRemoval(record, nowMs),
    health: [
      {
        type: 'container_disappeared',
        source,
        containerId: record.currentContainerId ?? '',
        occurredAtMs: nowMs,
        details: {},
      },
    ],
  };
}

/** The same, found by an operation that is about something else: with the audit entry that it would have had itself. */
export function exitEffects(
  record: RuntimeRecord,
  container: InspectedContainer,
  finding: Finding,
  exitEvidence?: ExitEvidence,
): Effects {
  const inner = { ...audit(record, container.id, finding), opKind: 'reconcile_exit', exitEvidence } as const;
  return { ...exited(record, container, finding), inner: [inner] };
}

export function disappearanceEffects(record: RuntimeRecord, finding: Finding): Effects {
  const inner = {
    ...audit(record, record.currentContainerId, finding),
    opKind: 'reconcile_dispose',
  } as const;
  return { ...disappeared(record, finding), inner: [inner] };
}

const audit = (
  record: RuntimeRecord,
  containerId: string | null,
  { nowMs }: Finding,
): Omit<InnerEntry, 'opKind'> => ({
  outcome: 'success',
  errorCode: null,
  errorMessage: null,
  containerId,
  imageRef: record.currentImageRef,
  reason: null,
  startedAt: nowMs,
});
