/** How far a log was read, so that it can be read on from there. */
export interface LogPlace {
  /** The time of the latest entry, by the daemon's clock; undefined before the first one. */
  readonly lastNanos: bigint | undefined;
  /** An entry begins. Returns whether it is new. */
  enter(atNanos: bigint | undefined): boolean;
  /** The log is read once more, from the time of the latest entry on: what was read of that time comes again. */
  resume(): void;
}

/**
 * Tells entries that were read from those that were not, by their times.
 *
 * @param onLoss told when the log is read once more and does not begin with what was read last: files with entries in
 *   between are gone
 */
export function makeLogPlace(onLoss: () => void): LogPlace {
  let lastNanos: bigint | undefined;
  /** Entries of just that time. */
  let count = 0;
  let repeats: { left: number; seen: boolean } | undefined;

  return {
    get lastNanos() {
      return lastNanos;
    },
    enter(atNanos) {
      if (atNanos === undefined) return true;
      if (repeats && lastNanos !== undefined && atNanos <= lastNanos) {
        repeats.seen = true;
        if (atNanos < lastNanos) return false;
        repeats.left -= 1;
        if (repeats.left >= 0) return false;
      } else if (repeats) {
        if (!repeats.seen) onLoss();
        repeats = undefined;
      }
      if (lastNanos === undefined || atNanos > lastNanos) {
        lastNanos = atNanos;
        count = 0;
      }
      // Writers of both streams may overtake each other by a moment: what is older than the latest counts for nothing.
      if (atNanos === lastNanos) count += 1;
      return true;
    },
    resume() {
      repeats = lastNanos === undefined ? undefined : { left: count, seen: false };
    },
  };
}
