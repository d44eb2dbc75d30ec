import type { Redis } from 'ioredis';
import { type Entry, toFields } from '../../helpers/lobby.ts';

/** Everything that was ever written to a stream, also where it is trimmed. */
export interface StreamTail {
  readonly entries: readonly Entry[];
  close(): Promise<void>;
}

const BLOCK_MS = 200;

/** Reads it from its beginning on, on a connection of its own. */
export function tailStream(redis: Redis, stream: string, onEntry: (entry: Entry) => void): StreamTail {
  const own = redis.duplicate();
  const entries: Entry[] = [];
  let closing = false;
  async function follow(): Promise<void> {
    while (!closing) {
      const from = entries.at(-1)?.id ?? '0';
      const read = await own.xread('COUNT', 1_000, 'BLOCK', BLOCK_MS, 'STREAMS', stream, from);
      for (const [id, flat] of read?.[0]?.[1] ?? []) {
        const entry = { id, fields: toFields(flat) };
        entries.push(entry);
        onEntry(entry);
      }
    }
  }
  const following = follow();
  return {
    entries,
    async close() {
      closing = true;
      await following;
      own.disconnect();
    },
  };
}
