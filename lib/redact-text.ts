/** What stands where a secret was. */
export const REDACTED = '***';

/** A run of characters without white space, quotes and angle brackets: what may be a URL. */
const WORD = /[^\s"'<>]+/g;
/** `robot:password@host`, also behind no scheme. A digest behind the @ is none. */
const USER_INFO = /^[^:@/]+:[^@]+@(?!sha\d+:)/;

/** A name and the sign that separates it from its value: `token=`, `"password": "`, `X-Registry-Auth: `. */
const KEY = /(?<![\w.%-])([\w.%-]+)\\?["']?\s{0,3}[=:]\s{0,3}/g;
const SECRET_KEY =
  /passw(?:or)?d|passwd|pwd|secret|token|signature|credential|authori[sz]ation|registry[-_]?auth|cookie|api[-_]?key|access[-_]?key|private[-_]?key|^sig$/i;
/** The value behind a key: quoted, or up to the next separator. The scheme of a header's value stays readable. */
const VALUE =
  /(?:\\?"(?:Basic |Bearer )?[^"\\]*|'(?:Basic |Bearer )?[^']*|(?:(?:Basic|Bearer|Digest|Negotiate)\s{1,3})?[^\s&;,"'<>\\]+)/iy;
const SCHEME = /^(?:\\?["'])?(?:(?:Basic|Bearer|Digest|Negotiate)\s{1,3})?/i;

const BEARER = /\bBearer\s{1,3}[\w.~+/=-]{8,}/gi;
/** Base64 holds a digit or ends in `=` nearly always; "Basic authentication" holds neither. */
const BASIC = /\bBasic\s{1,3}(?=[a-z+/]*[\d=])[\w+/]{4,}={0,2}/gi;

/**
 * A text without the secrets that it may carry by accident: user names and passwords in URLs, credentials of headers, and
 * values of keys such as `password`, `access_token`, `sig` in any notation. Every text that leaves RTM passes through
 * here. It rather hides too much: in a URL everything up to the last `@`, since real passwords contain `@` and `/`.
 *
 * Takes time in proportion to the length of the text, whatever it holds (test/unit/hostile-megabyte.spec.ts).
 */
export function redactText(text: string): string {
  const masked = text.replace(WORD, redactUserInfo);
  return redactValues(masked).replace(BEARER, `Bearer ${REDACTED}`).replace(BASIC, `Basic ${REDACTED}`);
}

function redactUserInfo(word: string): string {
  const scheme = word.indexOf('://');
  const at = word.lastIndexOf('@');
  if (scheme >= 0 && at > scheme) return `${word.slice(0, scheme + 3)}${REDACTED}${word.slice(at)}`;
  return at > 0 && scheme < 0 ? word.replace(USER_INFO, `${REDACTED}@`) : word;
}

function redactValues(text: string): string {
  let redacted = '';
  let keptTo = 0;
  for (const { 0: found, 1: key = '', index } of text.matchAll(KEY)) {
    const from = index + found.length;
    if (from <= keptTo || !SECRET_KEY.test(key.slice(-64))) continue;
    VALUE.lastIndex = from;
    const value = VALUE.exec(text)?.[0];
    if (value === undefined) continue;
    redacted += `${text.slice(keptTo, from)}${SCHEME.exec(value)?.[0] ?? ''}${REDACTED}`;
    keptTo = from + value.length;
  }
  return redacted + text.slice(keptTo);
}
