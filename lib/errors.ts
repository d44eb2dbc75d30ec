/**
 * The one table of error codes. Everything that differs by code (HTTP status, whether a run is
 * repeated, which admin alert it raises) is read from here; `test/contract/errors.spec.ts` keeps it
 * in step with the contracts and with docs/errors.md.
 */

import { messageOf, type ShownText, toShownText } from './shown-text.ts';

/** What a code means to each of RTM's surfaces. */
export interface ErrorRule {
  /** Status of a REST answer that carries the code. */
  readonly http: number;
  /** True when the operation goes back to its queue and is run again instead of ending. */
  readonly retry: boolean;
  /** Admin alert raised when an operation ends with the code. */
  readonly notification?: NotificationType;
}

export type NotificationType =
  | 'runtime.image_pull_failed'
  | 'runtime.container_start_failed'
  | 'runtime.start_config_invalid';

const RULES = {
  invalid_request: { http: 400, retry: false },
  image_ref_not_semver: { http: 400, retry: false },
  unauthorized: { http: 401, retry: false },
  not_found: { http: 404, retry: false },
  conflict: { http: 409, retry: false },
  semver_patch_only: { http: 409, retry: false },
  start_config_invalid: { http: 422, retry: false, notification: 'runtime.start_config_invalid' },
  internal_error: { http: 500, retry: false },
  image_pull_failed: { http: 502, retry: false, notification: 'runtime.image_pull_failed' },
  container_start_failed: { http: 502, retry: false, notification: 'runtime.container_start_failed' },
  docker_unavailable: { http: 503, retry: true },
  service_unavailable: { http: 503, retry: false },
} as const satisfies Record<string, ErrorRule>;

export type ErrorCode = keyof typeof RULES;

export const ERROR_RULES: Readonly<Record<ErrorCode, ErrorRule>> = RULES;

/** Marks the success of an operation that found its goal already reached. */
export const REPLAY_NO_OP = 'replay_no_op';

interface RuntimeErrorOptions {
  /** The cause may pass: the operation is run again within its retry window, although its code does not say so. */
  isTransient?: boolean;
  /** The first cause; kept for the log, never shown to a client. */
  cause?: unknown;
  /** Facts for the log line, such as a container id or a Docker status code. */
  details?: Readonly<Record<string, unknown>>;
  /**
   * Whether the failed attempt may have left a container: true if its undo is unconfirmed, false if nothing is
   * left for certain; absent when the attempt did not get far enough to know more than the one before.
   */
  rollbackPending?: boolean;
}

/**
 * The only error that RTM throws on purpose. `message` is a sentence for an operator, fit to be shown whatever foreign text
 * it quotes; the meaning is in `code`, and nothing ever decides by the text.
 */
export class RuntimeError extends Error {
  readonly code: ErrorCode;
  readonly details: Readonly<Record<string, unknown>>;
  readonly rollbackPending: boolean | undefined;
  readonly isTransient: boolean;
  declare message: ShownText;

  constructor(code: ErrorCode, message: string, options: RuntimeErrorOptions = {}) {
    super(toShownText(message), options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'RuntimeError';
    this.code = code;
    this.details = options.details ?? {};
    this.rollbackPending = options.rollbackPending;
    this.isTransient = options.isTransient ?? false;
  }
}

/** Whether an operation that failed so is run again within its retry window. */
export const isRetried = ({ code, isTransient }: RuntimeError): boolean => isTransient || RULES[code].retry;

/** A code as it was stored; one that only a newer version knows counts as `internal_error`. */
export const toErrorCode = (stored: string | null): ErrorCode =>
  stored !== null && Object.hasOwn(RULES, stored) ? (stored as ErrorCode) : 'internal_error';

/**
 * Any thrown value as a RuntimeError: our own unchanged, everything else as `internal_error` with the
 * original as its cause.
 */
export function toRuntimeError(thrown: unknown): RuntimeError {
  if (thrown instanceof RuntimeError) return thrown;
  const message = `Unexpected failure inside Runtime Manager: ${messageOf(thrown)}`;
  return new RuntimeError('internal_error', message, {
    cause: thrown,
  });
}
