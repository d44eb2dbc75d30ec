import type { RuntimeError } from './errors.ts';
import type { ExitEvidence } from './exit-evidence.ts';
import type { FoundHealthy, HealthEvent } from './health.ts';
import type { OpKind } from './operation.ts';
import type { RecordChange } from './runtime-record.ts';
import type { ShownText } from './shown-text.ts';

/** The recorded end of an operation. */
export interface Outcome {
  readonly outcome: 'success' | 'failure';
  /** `replay_no_op` or nothing on success; the code of the failure otherwise. */
  readonly errorCode: string | null;
  readonly errorMessage: ShownText | null;
  readonly containerId: string | null;
  /** The image that it worked with; null where none is known or the request names it. */
  readonly imageRef: string | null;
}

/** An entry of the audit trail that is part of another operation and was never queued. */
export interface InnerEntry extends Outcome {
  readonly opKind: OpKind;
  readonly reason: string | null;
  /** Epoch milliseconds. */
  readonly startedAt: number;
  readonly exitEvidence?: ExitEvidence | undefined;
}

/** What an operation found or changed, to be written in one transaction. */
export interface Effects {
  readonly record?: RecordChange;
  /** Told in this order; the last one is the snapshot. */
  readonly health?: readonly HealthEvent[];
  /** A snapshot that says well, for which the streams have no event. */
  readonly foundHealthy?: FoundHealthy;
  readonly inner?: readonly InnerEntry[];
  /** How the container ended that the operation stopped, found ended, or is about to remove. */
  readonly exitEvidence?: ExitEvidence | undefined;
}

/** How a failed operation left the game. */
interface Aftermath {
  /** Committed with the failure, and only then: not when the operation is run again. */
  readonly effects: Effects;
  /** The image that was to run, for the alert. */
  readonly imageRef: string;
  /** Takes the Docker side back when the effects can not be recorded. */
  readonly undo?: (() => Promise<void>) | undefined;
}

/**
 * Thrown by a handler whose failure left the game otherwise than it was, or which worked with an image that its
 * request does not name.
 */
export class OperationFailure extends Error {
  declare message: ShownText;
  readonly error: RuntimeError;
  readonly aftermath: Aftermath;

  constructor(error: RuntimeError, aftermath: Aftermath) {
    super(error.message, { cause: error });
    this.name = 'OperationFailure';
    this.error = error;
    this.aftermath = aftermath;
  }
}
