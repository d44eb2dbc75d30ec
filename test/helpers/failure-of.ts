import { RuntimeError } from '../../lib/errors.ts';

/** What a promise rejects with. Fails when it does not. */
export async function rejectionOf(attempt: Promise<unknown>): Promise<Error> {
  let value: unknown;
  try {
    value = await attempt;
  } catch (thrown) {
    if (thrown instanceof Error) return thrown;
    throw new Error(`expected an Error, ${String(thrown)} was thrown`);
  }
  throw new Error(`expected a rejection, got ${JSON.stringify(value) ?? 'nothing'}`);
}

/** The RuntimeError that a promise rejects with. Fails when it rejects with anything else, or not at all. */
export async function failureOf(attempt: Promise<unknown>): Promise<RuntimeError> {
  const error = await rejectionOf(attempt);
  if (error instanceof RuntimeError) return error;
  throw new Error(`expected a RuntimeError, got ${error.name}: ${error.message}`, { cause: error });
}
