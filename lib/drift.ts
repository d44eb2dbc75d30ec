import type { InspectedContainer } from './docker/container.ts';
import type { Effects } from './effects.ts';
import { type RuntimeRecord, recordRemoval, recordStop } from './runtime-record.ts';

/**
 * What follows when a record says `running` and Docker does not (spec, section 5). Each returns the record, the
 * incident and the audit entry that belong together, so that whoever finds it first tells the same story.
 */

/** The container is there and has ended. */
export function exitEffects(record: RuntimeRecord, container: InspectedContainer, nowMs: number): Effects {
  return {
    record: recordStop(record, nowMs),
    health: {
      type: 'container_exited',
      source: 'reconcile',
      containerId: container.id,
      occurredAtMs: nowMs,
      details: { exit_code: container.exitCode, oom: container.oomKilled },
    },
    inner: [{ opKind: 'reconcile_exit', ...audit(record, container.id, nowMs) }],
  };
}

/** There is no such container any more. */
export function disappearanceEffects(record: RuntimeRecord, nowMs: number): Effects {
  return {
    record: recordRemoval(record, nowMs),
    health: {
      type: 'container_disappeared',
      source: 'reconcile',
      containerId: record.currentContainerId ?? '',
      occurredAtMs: nowMs,
      details: {},
    },
    inner: [{ opKind: 'reconcile_dispose', ...audit(record, record.currentContainerId, nowMs) }],
  };
}

const audit = (record: RuntimeRecord, containerId: string | null, nowMs: number) =>
  ({
    outcome: 'success',
    errorCode: null,
    errorMessage: null,
    containerId,
    imageRef: record.currentImageRef,
    reason: null,
    startedAt: nowMs,
  }) as const;
