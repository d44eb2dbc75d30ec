import { z } from 'zod';
import { redactText } from './redact-text.ts';

declare const passed: unique symbol;
/** Text that `toShownText` made fit to be shown: bounded, without secrets, on one line. Nothing else makes one. */
export type ShownText = string & { readonly [passed]: true };

/** Enough for every sentence that a person reads; foreign text may be 300 MB long. */
export const MAX_SHOWN_CHARACTERS = 2_000;
/** Of a longer text only the beginning is looked at. Redaction comes before the cut: a cut could hide what it goes by. */
const LOOKED_AT_CHARACTERS = 16_384;

/** C1 controls, bidirectional and invisible characters: they reorder or hide text, and JSON leaves them as they are. */
const TREACHEROUS = /[\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;
/** The same, and what acts on a terminal or ends a line. */
const CONTROL = /[\p{Cc}\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/gu;

/**
 * Makes text from outside (Docker, a registry, an engine, a client, an image) fit to be stored, logged and shown:
 * secrets hidden, control characters as `\uXXXX`, at most `maxCharacters` and an ellipsis.
 */
export function toShownText(text: string, maxCharacters = MAX_SHOWN_CHARACTERS): ShownText {
  const looked = beginningOf(text, Math.max(LOOKED_AT_CHARACTERS, maxCharacters));
  const safe = redactText(looked).toWellFormed().replace(CONTROL, asEscape);
  const isWhole = safe.length <= maxCharacters && looked.length === text.length;
  return (isWhole ? safe : `${safe.slice(0, maxCharacters).toWellFormed()}…`) as ShownText;
}

/** The same of every value that is thrown. */
export const messageOf = (thrown: unknown): ShownText =>
  toShownText(thrown instanceof Error ? thrown.message || thrown.name : String(thrown));

/** A stored text, which an older version may have written as it came. */
export const storedText = z.string().transform((text) => toShownText(text));

/** The text with those characters escaped that JSON leaves as they are. */
export const escapeTreacherous = (text: string): string => text.replace(TREACHEROUS, asEscape);

/**
 * At most so much of the text, and no part of its last word if that was cut: a password of which the `@` is cut off
 * could not be told any more.
 */
export function beginningOf(text: string, characters: number): string {
  if (text.length <= characters) return text;
  let end = characters;
  while (end > 0 && !/\s/.test(text.charAt(end - 1))) end -= 1;
  const word = text.slice(end, characters);
  return word.includes('://') || word.includes(':') || word.includes('=')
    ? text.slice(0, end)
    : text.slice(0, characters);
}

function asEscape(character: string): string {
  if (character === '\n') return '\\n';
  if (character === '\r') return '\\r';
  if (character === '\t') return '\\t';
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
