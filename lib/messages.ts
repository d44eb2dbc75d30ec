import { ERROR_RULES, type ErrorCode, type REPLAY_NO_OP } from './errors.ts';
import type { HealthEvent } from './health.ts';
import type { ShownText } from './shown-text.ts';

/** The outgoing streams, by role; configuration gives them their names. */
export type Channel = 'job_results' | 'health_events' | 'notification_intents' | 'dead_letters';

/** One stream entry to be. `fields` go out in the order in which they stand here. */
export interface Message {
  readonly channel: Channel;
  /** Messages of one game leave in order; '' where no game is readable. */
  readonly gameId: string;
  readonly fields: Readonly<Record<string, string>>;
  /** A second message with the same key is dropped. */
  readonly dedupeKey?: string;
}

interface JobResult {
  gameId: string;
  opKind: 'start' | 'stop';
  /** Id of the stream entry that is being answered. */
  requestEntryId: string;
  outcome: 'success' | 'failure';
  containerId?: string;
  engineEndpoint?: string;
  errorCode?: ErrorCode | typeof REPLAY_NO_OP | '';
  errorMessage?: ShownText;
}

/** The answer to a stream request (spec, section 2.3): always all six fields, then the two additive ones. */
export function makeJobResult(result: JobResult): Message {
  const failed = result.outcome === 'failure';
  return {
    channel: 'job_results',
    gameId: result.gameId,
    fields: {
      game_id: result.gameId,
      outcome: result.outcome,
      container_id: failed ? '' : (result.containerId ?? ''),
      engine_endpoint: failed ? '' : (result.engineEndpoint ?? ''),
      error_code: result.errorCode ?? '',
      error_message: result.errorMessage ?? '',
      op_kind: result.opKind,
      request_entry_id: result.requestEntryId,
    },
  };
}

/** A health event (spec, section 2.4). */
export function makeHealthEvent(gameId: string, event: HealthEvent): Message {
  return {
    channel: 'health_events',
    gameId,
    ...(event.dedupeKey === undefined ? {} : { dedupeKey: event.dedupeKey }),
    fields: {
      game_id: gameId,
      container_id: event.containerId,
      event_type: event.type,
      occurred_at_ms: String(event.occurredAtMs),
      details: JSON.stringify(event.details),
    },
  };
}

interface FailedOperation {
  operationId: string;
  gameId: string;
  imageRef: string;
  errorCode: ErrorCode;
  errorMessage: ShownText;
  attemptedAtMs: number;
}

/**
 * The admin alert for a failed operation (spec, section 2.5), or undefined where its code raises none.
 * The key makes it one intent an operation, however often a crash re-ran it.
 */
export function makeNotificationIntent(failed: FailedOperation): Message | undefined {
  const type = ERROR_RULES[failed.errorCode].notification;
  if (!type) return undefined;
  const key = `${failed.operationId}:${type}`;
  return {
    channel: 'notification_intents',
    gameId: failed.gameId,
    dedupeKey: key,
    fields: {
      notification_type: type,
      producer: 'runtime_manager',
      audience_kind: 'admin_email',
      idempotency_key: key,
      occurred_at_ms: String(failed.attemptedAtMs),
      payload_json: JSON.stringify({
        game_id: failed.gameId,
        image_ref: failed.imageRef,
        error_code: failed.errorCode,
        error_message: failed.errorMessage,
        attempted_at_ms: failed.attemptedAtMs,
      }),
    },
  };
}

interface DeadLetter {
  gameId: string;
  sourceStream: string;
  sourceEntryId: string;
  errorCode: ErrorCode;
  errorMessage: ShownText;
  fieldsJson: string;
  rejectedAtMs: number;
}

/** A stream entry that could not be accepted, kept whole (spec, section 2.2). */
export function makeDeadLetter(letter: DeadLetter): Message {
  return {
    channel: 'dead_letters',
    gameId: letter.gameId,
    dedupeKey: `dead:${letter.sourceStream}/${letter.sourceEntryId}`,
    fields: {
      source_stream: letter.sourceStream,
      source_entry_id: letter.sourceEntryId,
      error_code: letter.errorCode,
      error_message: letter.errorMessage,
      fields_json: letter.fieldsJson,
      rejected_at_ms: String(letter.rejectedAtMs),
    },
  };
}
