/** Where a piece of a container's log comes from; `daemon` is trouble that Docker itself has with reading it. */
export type LogSource = 'stdout' | 'stderr' | 'daemon';

export interface FrameReader {
  /** Takes the next bytes, cut wherever the network cut them. */
  push(chunk: Uint8Array): void;
  /** There are no more. */
  end(): void;
}

const HEADER_BYTES = 8;
const SOURCES: readonly (LogSource | undefined)[] = ['stdout', 'stdout', 'stderr', 'daemon'];

/**
 * Takes Docker's multiplexed log stream apart: before each piece stand 8 bytes that tell its source and its length. The
 * log of a container with a terminal has none, and what does not begin like one is passed on as it is. Holds no more
 * than a header, whatever length one claims.
 */
export function makeFrameReader(
  { tty }: { readonly tty: boolean },
  /** `opens`: it is the first piece of a frame, which holds one entry of the log. */
  onPiece: (source: LogSource, piece: Buffer, opens: boolean) => void,
): FrameReader {
  let isRaw = tty;
  let header = Buffer.alloc(0);
  let source: LogSource = 'stdout';
  let left = 0;
  let isOpening = false;

  /** Takes from a header or from a piece what `bytes` has of it, and returns the rest. */
  function take(bytes: Buffer): Buffer {
    if (left > 0) {
      const piece = bytes.subarray(0, left);
      left -= piece.length;
      onPiece(source, piece, isOpening);
      isOpening = false;
      return bytes.subarray(piece.length);
    }
    const missing = HEADER_BYTES - header.length;
    header = Buffer.concat([header, bytes.subarray(0, missing)]);
    if (header.length === HEADER_BYTES) open();
    return bytes.subarray(missing);
  }

  function open(): void {
    const told = sourceIn(header);
    if (told === undefined) {
      isRaw = true;
      flush();
      return;
    }
    source = told;
    left = header.readUInt32BE(4);
    isOpening = true;
    header = Buffer.alloc(0);
  }

  /** What was taken for a header is text. */
  function flush(): void {
    const text = header;
    header = Buffer.alloc(0);
    if (text.length > 0) onPiece('stdout', text, false);
  }

  return {
    push(chunk) {
      let rest = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
      while (rest.length > 0 && !isRaw) rest = take(rest);
      if (rest.length > 0) onPiece('stdout', rest, false);
    },
    end() {
      if (sourceIn(header) === undefined) flush();
    },
  };
}

/** The source that a header tells, as far as it was read; undefined for what is none. */
const sourceIn = (header: Buffer): LogSource | undefined =>
  header.subarray(1, 4).every((byte) => byte === 0) ? SOURCES[header[0] ?? 0] : undefined;
