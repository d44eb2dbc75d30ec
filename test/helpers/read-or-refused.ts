import { FormError } from '../../lib/form-error.ts';

/** What was read; undefined when it was refused for its form. Anything else that is thrown goes on. */
export function readOrRefused<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof FormError) return undefined;
    throw error;
  }
}
