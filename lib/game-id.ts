import { RuntimeError } from './errors.ts';

declare const gameIdBrand: unique symbol;

/** A checked game id: safe as a directory name, a Docker label and a part of a container's name. */
export type GameId = string & { readonly [gameIdBrand]: true };

/** Specification, section 3: the first character rules out hidden files and option-like names. */
const FORM = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/;

const FORM_IN_WORDS =
  'a letter or digit, then up to 127 letters, digits, dots, underscores or hyphens, without two dots in a row';

/** Whether a value is a game id; `..` is refused although the characters fit, so no id can leave the state root. */
export function isGameId(value: unknown): value is GameId {
  return typeof value === 'string' && FORM.test(value) && !value.includes('..');
}

/**
 * @param text a game id as a producer sent it
 * @throws RuntimeError `invalid_request` naming the form
 */
export function parseGameId(text: string): GameId {
  if (isGameId(text)) return text;
  // Quoted as JSON and cut, because the text comes from outside and ends up in logs and job results.
  const shown = JSON.stringify(text.length > 140 ? `${text.slice(0, 140)}…` : text);
  throw new RuntimeError('invalid_request', `game_id ${shown} is not valid; it must be ${FORM_IN_WORDS}.`);
}
