/** What a daemon of good will never sends in one line; beyond it the rest is not waited for. */
const LONGEST_LINE = 1 << 20;

/**
 * The lines of a streamed answer, as they come, without their ends; what stands behind the last one is a line too, when
 * the stream ends in order.
 *
 * @throws RangeError for a line of more than a million characters
 */
export async function* readLines(stream: AsyncIterable<unknown>): AsyncGenerator<string> {
  let rest = '';
  const decoder = new TextDecoder();
  for await (const chunk of stream) {
    rest += typeof chunk === 'string' ? chunk : decoder.decode(chunk as Uint8Array, { stream: true });
    const lines = rest.split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > LONGEST_LINE) throw new RangeError('Docker sends a line without an end');
    yield* lines;
  }
  if (rest !== '') yield rest;
}
