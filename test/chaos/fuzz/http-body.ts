/** The body of an answer, and what comes behind it on the connection. */
interface Body {
  readonly body: Buffer;
  readonly rest: Buffer;
}

/**
 * Takes the body of an answer from the bytes behind its head: by its length, in chunks, or up to the end of the connection.
 *
 * @throws when it breaks off
 */
export function takeBody(bytes: Buffer, headers: Readonly<Record<string, string>>): Body {
  if (headers['transfer-encoding'] === 'chunked') return takeChunks(bytes);
  const length = Number(headers['content-length'] ?? bytes.length);
  if (!(length <= bytes.length)) throw new Error(`a body has ${bytes.length} bytes of ${length}`);
  return { body: bytes.subarray(0, length), rest: bytes.subarray(length) };
}

function takeChunks(bytes: Buffer): Body {
  const chunks: Buffer[] = [];
  let rest = bytes;
  for (;;) {
    const [line, length] = /^([0-9a-f]+)\r\n/i.exec(rest.toString('latin1', 0, 20)) ?? [];
    if (line === undefined || length === undefined) throw new Error('a body in chunks breaks off');
    const from = line.length;
    const to = from + Number.parseInt(length, 16);
    if (rest.toString('latin1', to, to + 2) !== '\r\n') throw new Error('a chunk breaks off');
    chunks.push(rest.subarray(from, to));
    rest = rest.subarray(to + 2);
    if (to === from) return { body: Buffer.concat(chunks), rest };
  }
}
