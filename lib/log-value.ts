/**
 * Turns anything into what JSON can hold and a log may show: secrets hidden, errors with their causes, nothing
 * endless. Logging must never throw and never be the way a password gets out.
 */
import { REDACTED, redactText } from './redact-text.ts';
import { beginningOf, escapeTreacherous } from './shown-text.ts';

const SECRET_KEY =
  /passw(or)?d|secret|token|authorization|authconfig|cookie|credential|api[_-]?key|private[_-]?key|^auth$|dsn$/i;

/** Deeper structures and longer texts are cut: a log line is read by people and stored by the million. */
const MOST_LEVELS = 8;
const MOST_CHARACTERS = 8_192;
const MOST_ITEMS = 200;

/**
 * @param value anything
 * @returns a copy made of plain objects, arrays, strings, numbers, booleans and null
 */
export function toLogValue(value: unknown): unknown {
  return convert(value, []);
}

function convert(value: unknown, path: readonly object[]): unknown {
  switch (typeof value) {
    case 'string':
      return convertText(value);
    case 'number':
      return Number.isFinite(value) ? value : String(value);
    case 'boolean':
    case 'undefined':
      return value;
    case 'object':
      return value === null ? null : convertObject(value, path);
    case 'function':
      return '[function]';
    default:
      return String(value);
  }
}

function convertText(text: string): string {
  const shown = text.length > MOST_CHARACTERS ? `${beginningOf(text, MOST_CHARACTERS)}…` : text;
  return escapeTreacherous(redactText(shown));
}

function convertObject(value: object, path: readonly object[]): unknown {
  if (path.includes(value)) return '[circular]';
  if (path.length >= MOST_LEVELS) return '[too deep]';
  const inner = [...path, value];
  try {
    if (value instanceof Error) return convertError(value, inner);
    if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
    if ('toJSON' in value && typeof value.toJSON === 'function') return convert(value.toJSON(), inner);
    if (value instanceof Map)
      return convertEntries(
        [...value].map(([key, of]) => [String(key), of]),
        inner,
      );
    if (Array.isArray(value) || value instanceof Set) {
      return [...value].slice(0, MOST_ITEMS).map((item) => convert(item, inner));
    }
    return convertEntries(Object.entries(value), inner);
  } catch {
    // A getter or toJSON that throws.
    return '[unreadable]';
  }
}

function convertEntries(
  entries: readonly [string, unknown][],
  path: readonly object[],
): Record<string, unknown> {
  return Object.fromEntries(
    entries
      .slice(0, MOST_ITEMS)
      .map(([key, of]) => [key, SECRET_KEY.test(key) ? hide(of) : convert(of, path)]),
  );
}

/** Whether a secret is there at all is worth knowing. */
function hide(value: unknown): unknown {
  return value === undefined || value === null || value === '' ? value : REDACTED;
}

/**
 * Only the properties that RTM's libraries put the meaning into; an error's other properties may be whole requests.
 */
function convertError(error: Error, path: readonly object[]): Record<string, unknown> {
  const line: Record<string, unknown> = { name: error.name, message: convertText(error.message) };
  for (const key of ['code', 'statusCode', 'details'] as const) {
    const of: unknown = Reflect.get(error, key);
    if (of !== undefined) line[key] = convert(of, path);
  }
  if (error instanceof AggregateError) line.errors = convert(error.errors, path);
  if (error.cause !== undefined) line.cause = convert(error.cause, path);
  if (error.stack !== undefined) line.stack = convertText(error.stack);
  return line;
}
