import type { LogSource } from './log-frames.ts';

/** Kept of a line, bytes. */
export const LINE_BYTES = 8_192;

export interface LineAssembler {
  /** Takes the next bytes of a source, cut wherever the log cuts them. */
  push(source: LogSource, piece: Buffer): void;
  /** There are no more of any source: what no line feed has ended yet is a line too. */
  end(): void;
}

/** A line of which the first bytes are kept, and the others counted. */
interface Line {
  kept: Buffer;
  length: number;
}

/** Makes lines of both sources of a log, in little memory whatever the engine writes. */
export function makeLineAssembler(onLine: (source: LogSource, text: string) => void): LineAssembler {
  const open = new Map<LogSource, Line>();

  function close(source: LogSource, line: Line): void {
    open.delete(source);
    onLine(source, textOf(line));
  }

  return {
    push(source, piece) {
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
    },
    end() {
      for (const [source, line] of open) close(source, line);
    },
  };
}

const roomIn = ({ kept }: Line): number => LINE_BYTES - kept.length;

/** A line as text: bytes that are no UTF-8 become U+FFFD. */
function textOf({ kept, length }: Line): string {
  const cut = length - kept.length;
  // As a stream, the decoder leaves out a character that the cut went through.
  const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(kept, { stream: cut > 0 });
  return cut > 0 ? `${text} [… ${cut} bytes cut]` : text.replace(/\r$/, '');
}
