import type { Redis } from 'ioredis';
import { compareStreamIds } from '../lib/stream-id.ts';

/** One inbound entry, its field names and values still as bytes. */
export interface StreamEntry {
  readonly stream: string;
  readonly id: string;
  readonly fields: readonly (readonly [name: Buffer, value: Buffer])[];
}

interface ReadOptions {
  /** Last entry taken of each stream. */
  cursors: ReadonlyMap<string, string>;
  /** Entries at most, of each stream. */
  count: number;
  /** How long to wait when there is nothing, milliseconds. */
  blockMs: number;
}

type RawReply = [stream: Buffer, entries: [id: Buffer, fields: Buffer[]][]][] | null;

/**
 * Reads what follows the cursors and merges the streams by entry id, oldest first: a stop never overtakes the
 * start that was written before it. When a stream returned as much as was asked for, more of it may follow, so
 * nothing newer than its last entry is taken from any stream.
 */
export async function readMerged(redis: Redis, options: ReadOptions): Promise<StreamEntry[]> {
  const { cursors, count, blockMs } = options;
  const reply = (await redis.callBuffer(
    'XREAD',
    'COUNT',
    count,
    'BLOCK',
    blockMs,
    'STREAMS',
    ...cursors.keys(),
    ...cursors.values(),
  )) as RawReply;
  const perStream = (reply ?? []).map(([stream, entries]) =>
    entries.map(([id, flat]) => ({ stream: stream.toString(), id: id.toString(), fields: pairs(flat) })),
  );
  const horizons = perStream
    .filter((entries) => entries.length === count)
    .flatMap((entries) => entries.at(-1)?.id ?? []);
  return perStream
    .flat()
    .filter((entry) => horizons.every((horizon) => compareStreamIds(entry.id, horizon) <= 0))
    .sort((left, right) => compareStreamIds(left.id, right.id));
}

function pairs(flat: readonly Buffer[]): [Buffer, Buffer][] {
  const result: [Buffer, Buffer][] = [];
  for (let index = 0; index + 1 < flat.length; index += 2) {
    const [name, value] = [flat[index], flat[index + 1]];
    if (name && value) result.push([name, value]);
  }
  return result;
}
