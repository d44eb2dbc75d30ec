/** Form of the tokens that callers of the internal listener must send. */
import { FormError } from '../form-error.ts';
import type { Form } from './form.ts';

/** Two tokens are accepted at a time, so that callers can change to a new one without an outage. */
const MAX_TOKENS = 2;
/** A shorter token can be guessed by a patient attacker. `openssl rand -hex 16` prints 32 characters. */
const MIN_TOKEN_CHARACTERS = 32;

/** One token, or two during a rotation. */
export const accessTokens: Form<readonly string[]> = {
  words: 'one token, or two separated by a comma; printable ASCII without spaces',
  parse: parseTokens,
};

/**
 * Parses the tokens of the variable or of the token file.
 *
 * @throws FormError without the tokens in its message
 */
export function parseTokens(text: string): readonly string[] {
  if (!/^[\x21-\x7e]+$/.test(text)) {
    throw new FormError('has a space, line break or other character that an HTTP header cannot carry');
  }
  const tokens = text.split(',');
  if (tokens.includes('')) throw new FormError('has an empty token beside a comma');
  if (tokens.length > MAX_TOKENS) throw new FormError(`has more than ${MAX_TOKENS} tokens`);
  return tokens;
}

/** Returns why the tokens are too weak for a listener that other machines reach; undefined when they are not. */
export const weaknessOf = (tokens: readonly string[]): string | undefined =>
  tokens.some(({ length }) => length < MIN_TOKEN_CHARACTERS)
    ? `has a token of less than ${MIN_TOKEN_CHARACTERS} characters`
    : undefined;
