import type { StreamEntry } from './stream-reader.ts';

/** What one read should bring of one stream at most: Redis counts entries, but memory fills with bytes. */
const MOST_BYTES = 16 * 1024 * 1024;
/** The pump knows nothing of the entries yet, and each may have hundreds of megabytes. */
const FIRST_COUNT = 1;

export interface Portion {
  /** How many entries of each stream to ask for next. */
  readonly count: number;
  /** Learns from what was read. */
  took(entries: readonly StreamEntry[]): void;
}

/** Asks for ever more entries, `most` in the end, while they are small, and for fewer when they are large. */
export function makePortion(most: number): Portion {
  let count = Math.min(FIRST_COUNT, most);
  return {
    get count() {
      return count;
    },
    took(entries) {
      if (entries.length === 0) return;
      const each = entries.reduce((bytes, entry) => bytes + sizeOf(entry), 0) / entries.length;
      count = Math.max(1, Math.min(most, 2 * count, Math.floor(MOST_BYTES / Math.max(1, each))));
    },
  };
}

const sizeOf = ({ fields }: StreamEntry): number =>
  fields.reduce((bytes, [name, value]) => bytes + name.length + value.length, 0);
