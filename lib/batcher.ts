interface BatcherOptions<Key, Value> {
  /** Questions under way at most. */
  readonly parallel: number;
  /** Answers for many keys at once; a key without an answer is left out. */
  readonly findMany: (keys: readonly Key[]) => Promise<ReadonlyMap<Key, Value>>;
}

/**
 * Answers many look-ups with few questions: whoever asks while `parallel` questions are under way goes with the next
 * one. A look-up never joins a question that was put before it, so it sees all that was committed until then.
 *
 * @returns asks for one key; undefined when there is no answer, rejected with what its question was rejected with
 */
export function makeBatcher<Key, Value>({
  parallel,
  findMany,
}: BatcherOptions<Key, Value>): (key: Key) => Promise<Value | undefined> {
  let waiting = new Map<Key, PromiseWithResolvers<Value | undefined>>();
  let underWay = 0;

  async function askUntilNobodyWaits(): Promise<void> {
    underWay += 1;
    while (waiting.size > 0) {
      const batch = waiting;
      waiting = new Map();
      try {
        const found = await findMany([...batch.keys()]);
        for (const [key, { resolve }] of batch) resolve(found.get(key));
      } catch (error) {
        for (const { reject } of batch.values()) reject(error);
      }
    }
    underWay -= 1;
  }

  return (key) => {
    const asked = waiting.get(key) ?? Promise.withResolvers<Value | undefined>();
    waiting.set(key, asked);
    if (underWay < parallel) void askUntilNobodyWaits();
    return asked.promise;
  };
}
