import type { Redis } from 'ioredis';

/** One inbound entry, its field names and values still as bytes. */
export interface StreamEntry {
  readonly stream: string;
  readonly id: string;
  readonly fields: readonly (readonly [name: Buffer, value: Buffer])[];
}

/** Last entry taken of each stream. */
export type Cursors = ReadonlyMap<string, string>;

type RawReply = [stream: Buffer, entries: [id: Buffer, fields: Buffer[]][]][] | null;

/**
 * Reads what follows the cursors and merges the streams, oldest first: a stop never overtakes the start that was
 * written before it. When a stream returned as much as was asked for, more of it may follow, so nothing as new as its
 * last entry is taken from any stream.
 *
 * Ids order entries of different streams only by their milliseconds; within one, each stream counts for itself, and
 * the streams follow each other as the cursors name them: starts before stops. So a millisecond is taken whole, unless
 * more entries are in it than are read at once.
 */
export async function readMerged(redis: Redis, cursors: Cursors, count: number): Promise<StreamEntry[]> {
  const reply = await read(redis, cursors, ['COUNT', count]);
  const streams = [...cursors.keys()];
  const perStream = (reply ?? []).map(([name, entries]) => {
    const stream = name.toString();
    const place = streams.indexOf(stream);
    return entries.map(([id, flat]) => arrivalOf({ stream, id: id.toString(), fields: pairs(flat) }, place));
  });
  const horizons = perStream
    .filter((arrivals) => arrivals.length === count)
    .flatMap((arrivals) => arrivals.at(-1) ?? []);
  const arrivals = perStream.flat();
  const before = arrivals.filter(({ key: [ms] }) => horizons.every((horizon) => ms < horizon.key[0]));
  const taken =
    before.length > 0
      ? before
      : arrivals.filter((arrival) => horizons.every((horizon) => compareArrivals(arrival, horizon) <= 0));
  return taken.sort(compareArrivals).map((arrival) => arrival.entry);
}

/**
 * Waits until something follows the cursors, `blockMs` at most; true when there is. What it is must be read: Redis 7.0
 * wakes a reader with the first stream alone, and its entries may belong behind those of the other.
 */
export async function waitForEntries(redis: Redis, cursors: Cursors, blockMs: number): Promise<boolean> {
  return (await read(redis, cursors, ['COUNT', 1, 'BLOCK', blockMs])) !== null;
}

const read = (redis: Redis, cursors: Cursors, limits: readonly (string | number)[]) =>
  redis.callBuffer(
    'XREAD',
    ...limits,
    'STREAMS',
    ...cursors.keys(),
    ...cursors.values(),
  ) as Promise<RawReply>;

interface Arrival {
  readonly entry: StreamEntry;
  /** Milliseconds, place of its stream, number within the millisecond. */
  readonly key: readonly [bigint, bigint, bigint];
}

function arrivalOf(entry: StreamEntry, place: number): Arrival {
  const [ms = 0n, number = 0n] = entry.id.split('-').map(BigInt);
  return { entry, key: [ms, BigInt(place), number] };
}

function compareArrivals({ key: left }: Arrival, { key: right }: Arrival): number {
  const difference = left[0] - right[0] || left[1] - right[1] || left[2] - right[2];
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

function pairs(flat: readonly Buffer[]): [Buffer, Buffer][] {
  const result: [Buffer, Buffer][] = [];
  for (let index = 0; index + 1 < flat.length; index += 2) {
    const [name, value] = [flat[index], flat[index + 1]];
    if (name && value) result.push([name, value]);
  }
  return result;
}
