import { type Entry, toFields } from '../../helpers/lobby.ts';
import type { TestRedis } from '../../helpers/redis.ts';

/** A stream that RTM writes, read on and on: each look costs what came since the one before. */
export interface StreamTail {
  /** Takes in what was written since the last time. */
  read(): Promise<void>;
  /** All so far, in their order. */
  readonly entries: readonly Entry[];
  /** Those so far that share a key. */
  of(key: string): readonly Entry[];
}

const PORTION = 1_000;

export function makeStreamTail(
  client: TestRedis['client'],
  stream: string,
  keyOf: (fields: Entry['fields']) => string,
): StreamTail {
  const entries: Entry[] = [];
  const byKey = new Map<string, Entry[]>();
  const take = (entry: Entry): void => {
    entries.push(entry);
    const key = keyOf(entry.fields);
    byKey.set(key, [...(byKey.get(key) ?? []), entry]);
  };
  return {
    entries,
    of: (key) => byKey.get(key) ?? [],
    async read() {
      for (;;) {
        const from = entries.at(-1)?.id;
        const found = await client.xrange(stream, from ? `(${from}` : '-', '+', 'COUNT', PORTION);
        for (const [id, flat] of found) take({ id, fields: toFields(flat) });
        if (found.length < PORTION) return;
      }
    },
  };
}
