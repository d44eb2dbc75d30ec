import { makeFrameReader } from './log-frames.ts';
import { LINE_BYTES, makeLineAssembler } from './log-lines.ts';

export interface LogTail {
  push(chunk: Uint8Array): void;
  /**
   * Ends it, and returns the last lines, oldest first; null where there are none because Docker could not read them.
   * A line or a log that was longer says so where it was cut.
   */
  end(): string[] | null;
}

/** Kept of a container's log. */
export const LOG_TAIL = { lines: 50, lineBytes: LINE_BYTES, bytes: 65_536 } as const;

/** Reads a container's log and keeps the end of it, in little memory whatever the engine wrote. */
export function makeLogTail(container: { readonly tty: boolean }): LogTail {
  const lines: string[] = [];
  let failed = false;
  const assembler = makeLineAssembler((_source, text) => {
    lines.push(text);
    if (lines.length > LOG_TAIL.lines) lines.shift();
  });
  const frames = makeFrameReader(container, (source, piece) => {
    if (source === 'daemon') failed = true;
    else assembler.push(source, piece);
  });

  return {
    push: (chunk) => frames.push(chunk),
    end() {
      frames.end();
      assembler.end();
      return failed && lines.length === 0 ? null : withinBytes(lines);
    },
  };
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
