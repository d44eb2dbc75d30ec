import { daemonTimeNanos } from '../daemon-time.ts';
import { type FrameReader, type LogSource, makeFrameReader } from './log-frames.ts';

interface EntryHandler {
  /**
   * An entry of the log begins: a line, or a piece of a very long one.
   *
   * @param atNanos when it was written, by the daemon's clock; undefined where that can not be read
   * @returns whether its text is wanted
   */
  begin(atNanos: bigint | undefined): boolean;
  /** The next bytes of its text. */
  text(source: LogSource, piece: Buffer): void;
}

/** Longer than any time that Docker writes in front of an entry: `2026-01-01T00:00:00.000000000+00:00 `. */
const STAMP_BYTES = 36;

/**
 * Reads a log that Docker was asked for with its times: takes the time off each entry. Of a container without a terminal
 * each frame is an entry, of one with a terminal each line.
 */
export function makeEntryReader(container: { readonly tty: boolean }, handler: EntryHandler): FrameReader {
  /** What came of an entry before it was known whether it begins with a time; undefined once it is. */
  let head: Buffer | undefined;
  let headSource: LogSource = 'stdout';
  let isWanted = true;
  let isLineStart = true;

  function open(source: LogSource): void {
    flush();
    head = Buffer.alloc(0);
    headSource = source;
  }

  function take(source: LogSource, piece: Buffer): void {
    if (head === undefined) {
      if (isWanted) handler.text(source, piece);
      return;
    }
    head = Buffer.concat([head, piece]);
    if (head.includes(' ') || head.includes('\n') || head.length >= STAMP_BYTES) flush();
  }

  function flush(): void {
    if (head === undefined) return;
    const whole = head;
    head = undefined;
    const at = whole.indexOf(' ');
    const atNanos = timeIn(whole.toString('latin1', 0, Math.max(at, 0)));
    isWanted = handler.begin(atNanos);
    const rest = atNanos === undefined ? whole : whole.subarray(at + 1);
    if (isWanted && rest.length > 0) handler.text(headSource, rest);
  }

  function takeLines(source: LogSource, piece: Buffer): void {
    for (let from = 0; from < piece.length; ) {
      if (isLineStart) open(source);
      const at = piece.indexOf('\n', from);
      isLineStart = at !== -1;
      const to = isLineStart ? at + 1 : piece.length;
      take(source, piece.subarray(from, to));
      from = to;
    }
  }

  const frames = makeFrameReader(container, (source, piece, opens) => {
    if (container.tty) takeLines(source, piece);
    else {
      if (opens) open(source);
      take(source, piece);
    }
  });
  return {
    push: (chunk) => frames.push(chunk),
    end() {
      frames.end();
      flush();
    },
  };
}

function timeIn(text: string): bigint | undefined {
  try {
    return daemonTimeNanos(text);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}
