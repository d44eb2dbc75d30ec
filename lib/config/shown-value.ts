import { REDACTED, redactText } from '../redact-text.ts';
import type { Variable } from './variable.ts';

const LONGEST_SHOWN = 120;

/**
 * A value as a problem may quote it: in double quotes, on one line, without secrets. Passwords stray into variables
 * that are not meant for them (`redis://:secret@host` as an address), so whatever stands before an @ is hidden
 * everywhere.
 */
export function shownValue(variable: Variable<unknown>, value: string): string {
  const hidden = `${REDACTED} (hidden)`;
  if (variable.secret === 'whole') return hidden;
  // Where it is not even a URL, nobody can tell which part of it is the password.
  if (variable.secret === 'inside' && !(value.includes('://') && URL.canParse(value))) return hidden;
  const masked = hideUserInfo(redactText(value))
    // A password with an unescaped & goes on behind it.
    .replace(/\b(password=).*/is, `$1${REDACTED}`);
  return JSON.stringify(masked.length > LONGEST_SHOWN ? `${masked.slice(0, LONGEST_SHOWN)}…` : masked);
}

function hideUserInfo(text: string): string {
  const at = text.lastIndexOf('@');
  if (at < 0) return text;
  const scheme = text.lastIndexOf('://', at);
  return `${scheme < 0 ? '' : text.slice(0, scheme + 3)}${REDACTED}${text.slice(at)}`;
}
