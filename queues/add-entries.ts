import type { Redis, Result } from 'ioredis';
import type { Epoch } from './redis-epoch.ts';

/** An entry to add; `fields` keep their order. */
export interface NewEntry {
  readonly stream: string;
  readonly fields: readonly (readonly [string, string])[];
}

/**
 * ARGV: the marker, the length of a stream, then of each entry the place of its stream in KEYS, the number of its
 * strings, and those. A stream that refuses an entry says so in that entry's place.
 */
const SCRIPT = `
  if redis.call('GET', KEYS[1]) ~= ARGV[1] then return false end
  local answers = {}
  local at = 3
  while at <= #ARGV do
    local stream, last = KEYS[tonumber(ARGV[at])], at + 1 + tonumber(ARGV[at + 1])
    answers[#answers + 1] = redis.pcall('XADD', stream, 'MAXLEN', '~', ARGV[2], '*', unpack(ARGV, at + 2, last))
    at = last + 1
  end
  return answers`;

declare module 'ioredis' {
  interface RedisCommander<Context> {
    rtmAddEntries(keyCount: number, ...args: (string | number)[]): Result<(string | Error)[] | null, Context>;
  }
}

/** Adds entries and returns the id of each, or why its stream refused it; null when Redis lives another life by now. */
export type AddEntries = (
  entries: readonly NewEntry[],
  epoch: Epoch,
) => Promise<readonly (string | Error)[] | null>;

/**
 * Adds entries to streams only while Redis lives the life that the caller knows of, in one round trip: the marker is
 * looked at where the entries are added, so nothing is added to a Redis that has just lost what belongs before it.
 *
 * @param maxLen approximate length to which each stream is trimmed
 */
export function makeAddEntries(
  redis: Redis,
  { markerKey, maxLen }: { markerKey: string; maxLen: number },
): AddEntries {
  redis.defineCommand('rtmAddEntries', { lua: SCRIPT });
  return async (entries, { marker }) => {
    const streams = [...new Set(entries.map((entry) => entry.stream))];
    // Counted as Lua does, behind the marker.
    const places = new Map(streams.map((stream, index) => [stream, index + 2]));
    const args = entries.flatMap(({ stream, fields }) => [
      places.get(stream) ?? 0,
      2 * fields.length,
      ...fields.flat(),
    ]);
    return redis.rtmAddEntries(streams.length + 1, markerKey, ...streams, marker, maxLen, ...args);
  };
}
