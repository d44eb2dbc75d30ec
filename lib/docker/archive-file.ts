/** An archive of one file holds its blocks, a few headers and padding. */
const BLOCK_BYTES = 512;
const MAX_ARCHIVE_BYTES = 256 * 1024;

/**
 * The text of the only file in a tar archive as Docker sends it; null where the archive holds no regular file or exceeds
 * 256 KiB. A link or a named pipe is no regular file: only its header is in the archive.
 */
export async function readArchivedFile(archive: AsyncIterable<Uint8Array>): Promise<string | null> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of archive) {
    chunks.push(chunk);
    length += chunk.length;
    // Leaving the loop destroys the stream, so Docker stops sending.
    if (length > MAX_ARCHIVE_BYTES) return null;
  }
  const bytes = Buffer.concat(chunks);
  for (let at = 0; at + BLOCK_BYTES <= bytes.length; ) {
    const type = String.fromCharCode(bytes[at + 156] ?? 0);
    const size = Number.parseInt(bytes.toString('latin1', at + 124, at + 136), 8);
    if (!Number.isSafeInteger(size)) return null;
    const begin = at + BLOCK_BYTES;
    if (type === '0' || type === '\0')
      return begin + size <= bytes.length ? bytes.toString('utf8', begin, begin + size) : null;
    // `x` and `g` tell more of the entry behind them.
    if (type !== 'x' && type !== 'g') return null;
    at = begin + Math.ceil(size / BLOCK_BYTES) * BLOCK_BYTES;
  }
  return null;
}
