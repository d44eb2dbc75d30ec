/** The longest line that is kept. Docker repeats an image's labels in its events, and those have no limit. */
const MAX_LINE_CHARACTERS = 1 << 20;

/** Stands for a line that is longer than a million characters. */
export const TOO_LONG = Symbol('a line that is too long');

/**
 * The lines of a streamed answer, as they come, without their ends; what stands behind the last one is a line too, when
 * the stream ends in order. A line that is too long is skipped in bounded memory, and `TOO_LONG` stands for it.
 */
export async function* readLines(stream: AsyncIterable<unknown>): AsyncGenerator<string | typeof TOO_LONG> {
  let rest = '';
  let isSkipping = false;
  const decoder = new TextDecoder();
  for await (const chunk of stream) {
    rest += typeof chunk === 'string' ? chunk : decoder.decode(chunk as Uint8Array, { stream: true });
    const lines = rest.split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (!isSkipping) yield line.length > MAX_LINE_CHARACTERS ? TOO_LONG : line;
      isSkipping = false;
    }
    if (rest.length <= MAX_LINE_CHARACTERS && !isSkipping) continue;
    if (!isSkipping) yield TOO_LONG;
    isSkipping = true;
    rest = '';
  }
  if (rest !== '' && !isSkipping) yield rest;
}
