import { FormError } from '../form-error.ts';

/** What parsing a value may ask of the world outside. */
export interface FormContext {
  /** Whether the path names a file that this process can read. */
  readonly fileReadable: (path: string) => boolean;
}

/** The form of one variable's value. */
export interface Form<T> {
  /** What is accepted, in words; the same words stand in docs/configuration.md. */
  readonly words: string;
  /** @throws FormError with a half sentence that does not repeat the value */
  readonly parse: (text: string, context: FormContext) => T;
}

/** A limit on a number, and why it is there. The reason is shown to whoever runs into the limit. */
export interface Limit {
  readonly at: number;
  readonly because: string;
}

/**
 * @param shown how the limit is written, where that is not the number itself
 * @throws FormError when the number lies outside
 */
export function assertWithin(
  value: number,
  least: Limit,
  most: Limit | undefined,
  shown: (limit: number) => string = String,
): void {
  if (value < least.at) throw new FormError(`is less than ${shown(least.at)}: ${least.because}`);
  if (most !== undefined && value > most.at) {
    throw new FormError(`is more than ${shown(most.at)}: ${most.because}`);
  }
}
