import { type LogSource, makeFrameReader } from './log-frames.ts';

export interface LogTail {
  push(chunk: Uint8Array): void;
  /**
   * Ends it, and returns the last lines, oldest first; null where there are none because Docker could not read them.
   * A line or a log that was longer says so where it was cut.
   */
  end(): string[] | null;
}

/** Kept of a container's log. */
export const LOG_TAIL = { lines: 50, lineBytes: 8_192, bytes: 65_536 } as const;

/** A line of which the first bytes are kept, and the others counted. */
interface Line {
  kept: Buffer;
  length: number;
}

/** Reads a container's log and keeps the end of it, in little memory whatever the engine wrote. */
export function makeLogTail(container: { readonly tty: boolean }): LogTail {
  const lines: string[] = [];
  const open = new Map<LogSource, Line>();
  let failed = false;
  const frames = makeFrameReader(container, (source, piece) => {
    if (source === 'daemon') failed = true;
    else take(source, piece);
  });

  function take(source: LogSource, piece: Buffer): void {
    for (let from = 0; from < piece.length; ) {
      const at = piece.indexOf('\n', from);
      const to = at === -1 ? piece.length : at;
      const line = open.get(source) ?? { kept: Buffer.alloc(0), length: 0 };
      // Another one that goes on behind this piece stands where it ends.
      open.delete(source);
      open.set(source, line);
      line.kept = Buffer.concat([line.kept, piece.subarray(from, to).subarray(0, roomIn(line))]);
      line.length += to - from;
      if (at !== -1) close(source, line);
      from = to + 1;
    }
  }

  function close(source: LogSource, line: Line): void {
    open.delete(source);
    lines.push(textOf(line));
    if (lines.length > LOG_TAIL.lines) lines.shift();
  }

  return {
    push: (chunk) => frames.push(chunk),
    end() {
      frames.end();
      for (const [source, line] of open) close(source, line);
      return failed && lines.length === 0 ? null : withinBytes(lines);
    },
  };
}

const roomIn = ({ kept }: Line): number => LOG_TAIL.lineBytes - kept.length;

/** A line as text: bytes that are no UTF-8 become U+FFFD. */
function textOf({ kept, length }: Line): string {
  const cut = length - kept.length;
  // As a stream, the decoder leaves out a character that the cut went through.
  const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(kept, { stream: cut > 0 });
  return cut > 0 ? `${text} [… ${cut} bytes cut]` : text.replace(/\r$/, '');
}

/** The youngest lines that fit, behind a word about those that do not. */
function withinBytes(lines: readonly string[]): string[] {
  let bytes = 0;
  const first = lines.findLastIndex((line) => {
    bytes += Buffer.byteLength(line);
    return bytes > LOG_TAIL.bytes;
  });
  return first === -1 ? [...lines] : [`[… ${first + 1} older lines cut]`, ...lines.slice(first + 1)];
}
