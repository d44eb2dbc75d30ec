import { makeSingleFlight } from '../single-flight.ts';

interface KeptOptions<T> {
  readonly read: () => Promise<T>;
  /** How long a reading is good for, milliseconds. */
  readonly keepMs: number;
  /** How long is waited for one, milliseconds. */
  readonly waitMs: number;
  /** Told of the first reading of a spell that failed or is late. */
  readonly onFailure: (error: unknown) => void;
}

/**
 * A reading that is shared by all who ask within a while, so that many scrapes cost as little as one. Null when it
 * failed, or is not there in time.
 */
export function makeKeptReading<T>({
  read,
  keepMs,
  waitMs,
  onFailure,
}: KeptOptions<T>): () => Promise<T | null> {
  const flights = makeSingleFlight<'reading', T>();
  let kept: { readonly value: T; readonly untilMs: number } | undefined;
  let isFailing = false;

  return async () => {
    if (kept && performance.now() < kept.untilMs) return kept.value;
    try {
      const value = await flights.run('reading', read, AbortSignal.timeout(waitMs));
      kept = { value, untilMs: performance.now() + keepMs };
      isFailing = false;
      return value;
    } catch (error) {
      if (!isFailing) onFailure(error);
      isFailing = true;
      return null;
    }
  };
}
