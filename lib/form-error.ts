/**
 * A text is not of the form that was asked for. Thrown by the parsers of single texts (durations, sizes,
 * addresses); each caller decides what it means: configuration collects it as a problem, image labels fall
 * back to a default.
 *
 * `message` is a half sentence that reads on after the value's name ("is shorter than a millisecond"). It
 * never repeats the value, because the value may be a secret.
 */
export class FormError extends Error {
  override readonly name = 'FormError';
}
