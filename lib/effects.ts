import type { HealthEvent } from './health.ts';
import type { OpKind } from './operation.ts';
import type { RecordChange } from './runtime-record.ts';

/** The recorded end of an operation. */
export interface Outcome {
  readonly outcome: 'success' | 'failure';
  /** `replay_no_op` or nothing on success; the code of the failure otherwise. */
  readonly errorCode: string | null;
  readonly errorMessage: string | null;
  readonly containerId: string | null;
}

/** An entry of the audit trail that is part of another operation and was never queued. */
export interface InnerEntry extends Outcome {
  readonly opKind: OpKind;
  readonly imageRef: string | null;
  readonly reason: string | null;
}

/** What an operation found or changed, to be written in one transaction. */
export interface Effects {
  readonly record?: RecordChange;
  readonly health?: HealthEvent;
  readonly inner?: readonly InnerEntry[];
}
