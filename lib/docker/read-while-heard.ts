export type Chunks = AsyncIterable<Uint8Array>;

/** Silence is looked into at least so often. */
const SILENCE_MOST_MS = 30_000;

/**
 * A stream until it ends, breaks, or is found to be stuck. Only the time that the reader waits for the stream counts, not
 * the time that the stream waits for its reader.
 *
 * @param silenceMs silence of so long is looked into, and again after twice as long each time that it was nothing else
 * @param isStuck whether more is to be heard than was
 */
export async function* readWhileHeard(
  chunks: Chunks,
  silenceMs: number,
  isStuck: () => Promise<boolean>,
): AsyncGenerator<Uint8Array> {
  const iterator = chunks[Symbol.asyncIterator]();
  for (;;) {
    const next = iterator.next();
    // Of one that is stuck nobody waits for the next one.
    next.catch(() => undefined);
    for (let ms = silenceMs; !(await isHeard(next, ms)); ms = Math.min(2 * ms, SILENCE_MOST_MS)) {
      if (await isStuck()) return;
    }
    const found = await next.catch(() => ({ done: true as const, value: undefined }));
    if (found.done) return;
    yield found.value;
  }
}

async function isHeard(next: Promise<unknown>, ms: number): Promise<boolean> {
  const { promise: late, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => resolve(false), ms);
  const heard = next.then(
    () => true,
    () => true,
  );
  try {
    return await Promise.race([heard, late]);
  } finally {
    clearTimeout(timer);
  }
}
