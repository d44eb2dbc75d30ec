import { RuntimeError } from '../errors.ts';
import { messageOf, type ShownText, toShownText } from '../shown-text.ts';

/** Of what Docker said; leaves room for a sentence of RTM's own around it. */
const SAID_CHARACTERS = 1_500;

/** An answer of the Docker Engine API with an error status. */
export class DockerStatusError extends Error {
  readonly status: number;
  /** Docker's own sentence, which may be a registry's. */
  declare message: ShownText;

  constructor(status: number, message: string, cause: unknown) {
    super(toShownText(message, SAID_CHARACTERS), { cause });
    this.name = 'DockerStatusError';
    this.status = status;
  }
}

/** True when `error` is Docker's answer with that status. */
export function hasStatus(error: unknown, ...statuses: number[]): boolean {
  return error instanceof DockerStatusError && statuses.includes(error.status);
}

/** True for an answer by which Docker says that it failed itself, which tells nothing of what it has done by then. */
export const isOwnTrouble = (error: unknown): error is DockerStatusError =>
  error instanceof DockerStatusError && error.status >= 500;

/** Docker's refusal of something that it never refuses on a healthy host, as a failure that says what was refused. */
export function mapRefusal(error: unknown, what: string): unknown {
  if (!(error instanceof DockerStatusError)) return error;
  return new RuntimeError('internal_error', `Docker could not ${what}: ${error.message}`, {
    cause: error,
    details: { status: error.status },
  });
}

/** What dockerode puts on an error that stems from an answer. */
interface AnsweredError {
  statusCode: number;
  json?: { message?: unknown } | null | undefined;
  /** The library's word for the status. */
  reason?: string | undefined;
  message: string;
}

/** True for the library's own error about an answer with an error status. */
export function isAnswered(error: unknown): error is AnsweredError {
  return error instanceof Error && 'statusCode' in error && typeof error.statusCode === 'number';
}

/**
 * The only place where Docker's failures get a meaning, by status code and never by text:
 * an answer becomes a DockerStatusError with Docker's own sentence; no answer (refused, reset, past its
 * deadline) is `docker_unavailable`; an abort by the caller passes through as the caller's own reason.
 */
export function mapDockerError(verb: string, error: unknown, callerSignal: AbortSignal): Error {
  if (isAnswered(error)) {
    return new DockerStatusError(error.statusCode, saidBy(error), error);
  }
  if (callerSignal.aborted) return asError(callerSignal.reason);
  return new RuntimeError('docker_unavailable', `Docker did not answer to "${verb}": ${describe(error)}`, {
    cause: error,
    details: { verb },
  });
}

/** Docker's own sentence. In answers that are streams the library leaves it only in its message, behind a head. */
function saidBy({ json, statusCode, reason, message }: AnsweredError): string {
  if (typeof json?.message === 'string') return json.message.trim();
  const head = `(HTTP code ${statusCode}) ${reason ?? 'unexpected'} - `;
  const said = message.startsWith(head) ? message.slice(head.length) : message;
  // What remains of a sentence that was too long to be read whole.
  return said.replace(/^\{"message":\s*"/, '').trim();
}

const asError = (reason: unknown): Error =>
  reason instanceof Error ? reason : new Error('Aborted', { cause: reason });

function describe(error: unknown): string {
  const isLate = error instanceof Error && (error.name === 'AbortError' || error.name === 'TimeoutError');
  return isLate ? 'no answer within its deadline' : messageOf(error);
}
