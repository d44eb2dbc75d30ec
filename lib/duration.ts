import { FormError } from './form-error.ts';

/** Milliseconds in each unit. Both micro signs are real: U+00B5 from keyboards, U+03BC from Go's formatter. */
const UNIT_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
};

// "ms" stands before "m" so that "200ms" is not read as 200 minutes and a stray "s".
const PART = /(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|h|m|s)/y;

/**
 * A duration as Go writes it: one or more decimal numbers, each with its unit, such as `200ms`, `1.5s` or
 * `1h30m`; also a bare `0`. The grammar is that of Go's `time.ParseDuration`, without signs.
 *
 * @returns whole milliseconds, rounded
 * @throws FormError for any other text, and for a duration that is not zero but rounds to it
 */
export function parseDurationMs(text: string): number {
  if (text === '0') return 0;
  if (text === '') throw new FormError('is empty');
  if (text.startsWith('-')) throw new FormError('is negative');
  let sumMs = 0;
  PART.lastIndex = 0;
  while (PART.lastIndex < text.length) {
    const part = PART.exec(text);
    if (part === null) throw new FormError(describeMisfit(text));
    sumMs += Number(part[1]) * (UNIT_MS[part[2] ?? ''] ?? Number.NaN);
  }
  const wholeMs = Math.round(sumMs);
  if (!Number.isSafeInteger(wholeMs)) throw new FormError('is too long to count in milliseconds');
  if (wholeMs === 0 && sumMs > 0) throw new FormError('is shorter than a millisecond');
  return wholeMs;
}

function describeMisfit(text: string): string {
  return /^\d+(\.\d+)?$/.test(text) ? 'has no unit' : 'is not a duration';
}

/**
 * A duration for people, in the form that {@link parseDurationMs} reads: `200ms`, `1.5s`, `1h30m`. Units that
 * are zero are left out.
 *
 * @param durationMs milliseconds, not negative; fractions are rounded away
 */
export function formatDurationMs(durationMs: number): string {
  const wholeMs = Math.round(durationMs);
  if (wholeMs === 0) return '0s';
  if (wholeMs < 1_000) return `${wholeMs}ms`;
  const hours = Math.floor(wholeMs / 3_600_000);
  const minutes = Math.floor((wholeMs % 3_600_000) / 60_000);
  const seconds = (wholeMs % 60_000) / 1_000;
  return [
    hours > 0 ? `${hours}h` : '',
    minutes > 0 ? `${minutes}m` : '',
    seconds > 0 ? `${seconds}s` : '',
  ].join('');
}
