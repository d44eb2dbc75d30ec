/** One server-sent event. */
export interface Frame {
  readonly id: string;
  readonly event: string;
  /** Undefined of a frame that only says how far the reader has come. */
  readonly data: string | undefined;
}

/** The events of a `text/event-stream`, as they come; comments, which keep the connection alive, are left out. */
export async function* readFrames(chunks: AsyncIterable<Uint8Array>): AsyncIterable<Frame> {
  let fields = new Map<string, string[]>();
  for await (const line of readLines(chunks)) {
    const [, name = '', value = ''] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? [];
    if (line !== '') {
      fields.set(name, [...(fields.get(name) ?? []), value]);
      continue;
    }
    const [ids, events, data] = ['id', 'event', 'data'].map((one) => fields.get(one));
    if (ids || data)
      yield { id: ids?.at(-1) ?? '', event: events?.at(-1) ?? 'message', data: data?.join('\n') };
    fields = new Map();
  }
}

/** Whole lines only: an event that is cut off was not received. */
async function* readLines(chunks: AsyncIterable<Uint8Array>): AsyncIterable<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of chunks) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split(/\r?\n/);
    rest = lines.pop() ?? '';
    yield* lines;
  }
}
