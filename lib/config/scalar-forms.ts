/** Forms of plain values: texts, switches, numbers and durations. */
import { formatDurationMs, parseDurationMs } from '../duration.ts';
import { FormError } from '../form-error.ts';
import { assertWithin, type Form, type Limit } from './form.ts';

/** `setTimeout` counts in 32 bits; a longer delay fires at once. */
const LONGEST_TIMER: Limit = { at: 2_147_400_000, because: 'no timer runs longer' };

const NOT_NEGATIVE: Limit = { at: 0, because: 'it counts something' };

/** Any text; an empty one counts as not set before a form ever sees it. */
export const anyText: Form<string> = { words: 'any text', parse: (text) => text };

/** A text that fits a pattern in full. */
export function textLike(words: string, pattern: RegExp, misfit: string): Form<string> {
  return {
    words,
    parse(text) {
      if (!pattern.test(text)) throw new FormError(misfit);
      return text;
    },
  };
}

export const switchForm: Form<boolean> = {
  words: '`true` or `false` (also `1` or `0`)',
  parse(text) {
    if (text === 'true' || text === '1') return true;
    if (text === 'false' || text === '0') return false;
    throw new FormError('is neither true nor false');
  },
};

export function oneOf<const T extends string>(values: readonly T[]): Form<T> {
  return {
    words: values.map((value) => `\`${value}\``).join(', '),
    parse(text) {
      const found = values.find((value) => value === text);
      if (found === undefined) throw new FormError('is not one of the accepted words');
      return found;
    },
  };
}

export function wholeNumber(least: Limit = NOT_NEGATIVE, most?: Limit): Form<number> {
  return {
    words: `a whole number ${range(least, most)}`,
    parse(text) {
      const value = parseWhole(text);
      assertWithin(value, least, most);
      return value;
    },
  };
}

/** A share of a whole. */
export const shareForm: Form<number> = {
  words: 'a decimal number from 0 to 1',
  parse(text) {
    if (!/^(\d+(\.\d+)?|\.\d+)$/.test(text)) throw new FormError('is not a decimal number');
    const value = Number(text);
    if (value > 1) throw new FormError('is more than 1, the whole');
    return value;
  },
};

/** @returns milliseconds */
export function duration(least: Limit = { at: 1, because: 'no time at all is of no use' }): Form<number> {
  return {
    words: `a duration such as \`200ms\`, \`5s\` or \`1h30m\`, from ${formatDurationMs(least.at)}`,
    parse(text) {
      const valueMs = parseDurationMs(text);
      assertWithin(valueMs, least, LONGEST_TIMER, formatDurationMs);
      return valueMs;
    },
  };
}

/** For variables that name their unit; `most` keeps the number one that a timer or a timestamp can hold. */
export function wholeUnits(unit: 'seconds' | 'days', least: Limit, most: Limit): Form<number> {
  const unitMs = unit === 'seconds' ? 1_000 : 86_400_000;
  return {
    words: `a whole number of ${unit} ${range(least, most)}`,
    parse(text) {
      const value = parseWhole(text);
      assertWithin(value, least, most);
      return value * unitMs;
    },
  };
}

function parseWhole(text: string): number {
  if (!/^\d+$/.test(text)) throw new FormError('is not a whole number in digits');
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new FormError('is too large');
  return value;
}

function range(least: Limit, most: Limit | undefined): string {
  return most === undefined ? `from ${least.at}` : `from ${least.at} to ${most.at}`;
}
