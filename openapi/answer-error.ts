import type { ErrorRequestHandler, Response } from 'express';
import { ERROR_RULES, type ErrorCode, RuntimeError, toRuntimeError } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import { isMisfit, mayPass } from '../sql/map-error.ts';

/** The last of the chain: every error becomes the contract's envelope, and the unexpected ones a log line. */
export function makeAnswerError(log: Logger): ErrorRequestHandler {
  // Express knows an error handler by its four parameters.
  return (thrown, request, response, _next) => {
    const error = mapRequestError(thrown);
    const status = statusOf(thrown) ?? ERROR_RULES[error.code].http;
    if (status >= 500) log.error('request failed', { method: request.method, path: request.path, error });
    if (response.headersSent) {
      response.destroy();
      return;
    }
    sendError(response, { status, code: error.code, message: error.message });
  };
}

interface ErrorAnswer {
  readonly status: number;
  readonly code: ErrorCode;
  readonly message: string;
}

/** The contract's error envelope. */
export function sendError(response: Response, { status, code, message }: ErrorAnswer): void {
  response.status(status).json({ error: { code, message } });
}

function mapRequestError(thrown: unknown): RuntimeError {
  if (thrown instanceof RuntimeError) return thrown;
  if (mayPass(thrown)) {
    const message = isMisfit(thrown)
      ? 'The tables of Runtime Manager are not there; try again later'
      : 'PostgreSQL can not be reached; try again';
    return new RuntimeError('service_unavailable', message, { cause: thrown });
  }
  const status = statusOf(thrown);
  if (status !== undefined && thrown instanceof Error) {
    return new RuntimeError('invalid_request', thrown.message, { cause: thrown });
  }
  const { cause } = toRuntimeError(thrown);
  // What went wrong inside is for the log, not for the client.
  return new RuntimeError('internal_error', 'Unexpected failure inside Runtime Manager', { cause });
}

/** The status that Express and its parsers put on what the client did wrong. */
function statusOf(thrown: unknown): number | undefined {
  if (!(thrown instanceof Error) || !('status' in thrown) || typeof thrown.status !== 'number')
    return undefined;
  return thrown.status >= 400 && thrown.status < 500 ? thrown.status : undefined;
}
