import { expect } from 'chai';
import { parseImageRef } from '../../lib/image-ref.ts';
import { toLogValue } from '../../lib/log-value.ts';
import { redactText } from '../../lib/redact-text.ts';
import { toShownText } from '../../lib/shown-text.ts';

const MEGABYTE = 1_000_000;
/** What a quadratic function takes minutes for, and a linear one some ten milliseconds. */
const DEADLINE_MS = 2_000;

const UNITS = [
  '://',
  '://a@',
  'a',
  '@',
  ':',
  '=',
  'token',
  'token=',
  'token=a',
  '"token":"',
  '\\"',
  "'",
  ' ',
  '\n',
].concat(['Basic ', 'Bearer a', 'a:b@', 'a.', '\u202e', 'password: ', '<', '%', 'a-']);

const hostile = (unit: string): string => unit.repeat(Math.ceil(MEGABYTE / unit.length));

/** Every function that reads text from outside before it was cut. */
const READERS: Readonly<Record<string, (text: string) => unknown>> = {
  redactText,
  toShownText,
  toLogValue: (text) => toLogValue({ error: new Error(text, { cause: new Error(text) }) }),
  parseImageRef: (text) => {
    expect(() => parseImageRef(text)).to.throw();
  },
};

describe('a megabyte of hostile text', () => {
  for (const [name, read] of Object.entries(READERS)) {
    it(`is read in time by ${name}`, () => {
      for (const unit of UNITS) {
        const text = hostile(unit);
        const startedMs = performance.now();
        read(text);
        expect(performance.now() - startedMs, JSON.stringify(unit)).to.be.below(DEADLINE_MS);
      }
    });
  }
});
