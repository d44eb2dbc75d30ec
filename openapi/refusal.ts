import { RuntimeError } from '../lib/errors.ts';

/** An `invalid_request` whose status says more than 400 does. */
export function refusal(status: 400 | 405 | 413 | 415, message: string): RuntimeError {
  return Object.assign(new RuntimeError('invalid_request', message), { status });
}
