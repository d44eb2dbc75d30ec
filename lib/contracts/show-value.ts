import { redactText } from '../redact-text.ts';
import { beginningOf, escapeTreacherous } from '../shown-text.ts';

const LONGEST = 80;
/** A multiple of what is shown, because redaction shortens. */
const LONGEST_LOOKED_AT = 512;

/**
 * A foreign value as it may stand in an error message, a log line or a job result: as JSON, cut after 80
 * characters, without secrets and without characters that act on a terminal.
 */
export function showValue(value: unknown): string {
  if (typeof value !== 'string') return shown(toJson(value));
  return escapeTreacherous(JSON.stringify(shown(value).toWellFormed()));
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
  return cut(redactText(beginningOf(text, LONGEST_LOOKED_AT)), text.length > LONGEST_LOOKED_AT);
}

function cut(text: string, isCut: boolean): string {
  return isCut || text.length > LONGEST ? `${text.slice(0, LONGEST).toWellFormed()}…` : text;
}
