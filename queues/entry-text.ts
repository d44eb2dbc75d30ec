/**
 * Kept of one entry in its dead letter, names and values together. Longer than anything that can be accepted, and so
 * short that the letters of a whole batch fit into one statement, whatever they hold: a byte that is no text takes eleven
 * characters there.
 */
const KEPT_BYTES = 16 * 1024;

type Field = readonly [name: Buffer, value: Buffer];

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Bytes as text; what is not UTF-8 is written as `\xNN`, so that nothing of it is lost. Of more, only a beginning. */
export function readText(bytes: Buffer, keptBytes = KEPT_BYTES): string {
  if (bytes.length > keptBytes) {
    const end = characterStart(bytes, keptBytes);
    return `${readText(bytes.subarray(0, end))}… (${bytes.length - end} more bytes cut)`;
  }
  try {
    return utf8.decode(bytes);
  } catch {
    let text = '';
    for (const byte of bytes) text += BYTE_TEXTS[byte];
    return text;
  }
}

/**
 * The fields of an entry as its dead letter keeps them, in their order. The shortest are kept first, so that no long one
 * pushes out what tells whose it was; the first that does not fit is cut, and the others are only counted, under `…`.
 */
export function keptFields(fields: readonly Field[]): Readonly<Record<string, string>> {
  const kept = new Map<Field, string>();
  let leftBytes = KEPT_BYTES;
  for (const field of fields.toSorted((one, other) => sizeOf(one) - sizeOf(other))) {
    const [name, value] = field;
    if (leftBytes < name.length) break;
    kept.set(field, readText(value, leftBytes - name.length));
    leftBytes -= sizeOf(field);
  }
  // No prototype: a field may be called anything.
  const texts: Record<string, string> = Object.create(null);
  for (const field of fields) {
    const text = kept.get(field);
    if (text !== undefined) texts[readText(field[0])] = text;
  }
  const missing = fields.length - kept.size;
  if (missing > 0) texts['…'] = `(${missing} more fields cut)`;
  return texts;
}

const sizeOf = ([name, value]: Field): number => name.length + value.length;

const BYTE_TEXTS = Array.from({ length: 256 }, (_, byte) =>
  byte < 0x80 ? String.fromCharCode(byte) : `\\x${byte.toString(16).toUpperCase()}`,
);

/** Where the character begins that the byte belongs to: cut elsewhere, text would not be UTF-8 any more. */
function characterStart(bytes: Buffer, at: number): number {
  for (let start = at; start > at - 4; start -= 1) {
    if (((bytes[start] ?? 0) & 0b1100_0000) !== 0b1000_0000) return start;
  }
  return at;
}
