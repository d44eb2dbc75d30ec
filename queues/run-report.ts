import type { Operation, OpKind, OpSource } from '../lib/operation.ts';

/** What one run came to, as the job of the queue shows it. */
export interface RunReport {
  readonly result:
    | 'nothing to do'
    | 'success'
    | 'failure'
    /** Back at the head of its queue, to be run again later. */
    | 'postponed'
    /** Left to another replica. */
    | 'handed over'
    /** Goes on without its job; the outcome is in the operation's row. */
    | 'waiting for its image';
  readonly operation_id?: string;
  readonly attempt?: number;
  readonly op_kind?: OpKind;
  readonly op_source?: OpSource;
  /** Empty where the operation has none. */
  readonly image_ref?: string;
  readonly error_code?: string;
  readonly error_message?: string;
}

/** The part of a report that says which operation ran. */
export const idOf = ({ operationId, attempt, opKind, opSource, imageRef }: Operation) => ({
  operation_id: operationId,
  attempt,
  op_kind: opKind,
  op_source: opSource,
  image_ref: imageRef ?? '',
});
