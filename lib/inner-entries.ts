import type { InnerEntry } from './effects.ts';
import { REPLAY_NO_OP, type RuntimeError } from './errors.ts';
import type { ExitEvidence } from './exit-evidence.ts';
import type { RuntimeRecord } from './runtime-record.ts';

/** The audit entries of the stop and the start inside a restart or patch. `startedAt` is epoch milliseconds. */

export const innerStop = (
  record: RuntimeRecord,
  { replay, exitEvidence }: { replay: boolean; exitEvidence: ExitEvidence | undefined },
  startedAt: number,
): InnerEntry => ({
  opKind: 'stop',
  imageRef: record.currentImageRef,
  reason: null,
  startedAt,
  outcome: 'success',
  errorCode: replay ? REPLAY_NO_OP : null,
  errorMessage: null,
  containerId: record.currentContainerId,
  exitEvidence,
});

export const innerStart = (imageRef: string, containerId: string, startedAt: number): InnerEntry => ({
  opKind: 'start',
  imageRef,
  reason: null,
  startedAt,
  outcome: 'success',
  errorCode: null,
  errorMessage: null,
  containerId,
});

export const innerStartFailed = (imageRef: string, error: RuntimeError, startedAt: number): InnerEntry => ({
  opKind: 'start',
  imageRef,
  reason: null,
  startedAt,
  outcome: 'failure',
  errorCode: error.code,
  errorMessage: error.message,
  containerId: null,
});
