/** What stands where a secret was. */
export const REDACTED = '***';

/**
 * A text without the secrets that it may carry by accident: user names and passwords in URLs, bearer tokens, and
 * values of `password=`, `token=` and the like. Error messages of clients quote connection strings, so every text
 * that leaves RTM (log lines, problems with the configuration) passes through here.
 *
 * It rather hides too much: everything from `://` to the last `@` before a space or quote, since passwords contain
 * unescaped `@` and `/` in practice.
 */
export function redactText(text: string): string {
  return text
    .replace(/:\/\/[^\s"'<>]*@/g, `://${REDACTED}@`)
    .replace(/\bBearer\s+[\w.~+/=-]{8,}/gi, `Bearer ${REDACTED}`)
    .replace(/\b(password|passwd|pwd|secret|token)=[^\s&;,"']+/gi, `$1=${REDACTED}`);
}
