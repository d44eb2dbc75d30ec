import { redactText } from '../redact-text.ts';

const LONGEST = 80;
const LONGEST_LOOKED_AT = 8192;

/** Characters that are legal JSON but break a log line or reorder what a terminal shows. */
const TREACHEROUS = /[\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;

/**
 * A foreign value as it may stand in an error message, a log line or a job result: as JSON, cut after 80
 * characters, without secrets and without characters that act on a terminal.
 */
export function showValue(value: unknown): string {
  if (typeof value !== 'string') return shown(toJson(value));
  return JSON.stringify(shown(value).toWellFormed()).replace(TREACHEROUS, asEscape);
}

function toJson(value: unknown): string {
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    // Nested so deep that the stack ends: what can be parsed can not always be written.
    return Array.isArray(value) ? '[…]' : '{…}';
  }
}

/** Secrets go before the cut, which could hide what gives them away; the first cut only bounds the effort. */
function shown(text: string): string {
  return cut(redactText(text.slice(0, LONGEST_LOOKED_AT)));
}

function cut(text: string): string {
  return text.length > LONGEST ? `${text.slice(0, LONGEST).toWellFormed()}…` : text;
}

function asEscape(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
