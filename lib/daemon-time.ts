/**
 * The daemon's own time, in nanoseconds since the epoch: the precision in which it tells of its events, and more than a
 * number can hold.
 *
 * @param text RFC 3339, as Docker writes it, such as `2026-01-01T00:00:00.123456789Z`
 * @throws RangeError for anything else
 */
export function daemonTimeNanos(text: string): bigint {
  const [, seconds, fraction = '', zone] = FORM.exec(text) ?? [];
  const wholeMs = Date.parse(`${seconds}${zone}`);
  if (Number.isNaN(wholeMs)) throw new RangeError(`"${text}" is no RFC 3339 time`);
  return BigInt(wholeMs) * 1_000_000n + BigInt(fraction.padEnd(9, '0').slice(0, 9));
}

const FORM = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,12}))?(Z|[+-]\d\d:\d\d)$/;

/** The same as a moment to be shown: epoch milliseconds, null where there is none to be read. */
export function daemonTimeMs(text: string | null): number | null {
  const ms = Date.parse(text ?? '');
  return Number.isNaN(ms) ? null : ms;
}

/** Nanoseconds since the epoch as Docker takes a moment: whole seconds, a point and nine digits. */
export const dockerMoment = (nanos: bigint): string =>
  `${nanos / 1_000_000_000n}.${String(nanos % 1_000_000_000n).padStart(9, '0')}`;
