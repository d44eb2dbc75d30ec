import { expect } from 'chai';
import fc from 'fast-check';
import { formatDurationMs, parseDurationMs } from '../../lib/duration.ts';
import { FormError } from '../../lib/form-error.ts';
import { hostileString } from '../helpers/hostile-text.ts';
import { readOrRefused } from '../helpers/read-or-refused.ts';

describe('duration', () => {
  const accepted: [string, number][] = [
    ['200ms', 200],
    ['5s', 5_000],
    ['10m', 600_000],
    ['24h', 86_400_000],
    ['1h30m', 5_400_000],
    ['1.5s', 1_500],
    ['.5s', 500],
    ['1.s', 1_000],
    ['1m500ms', 60_500],
    ['2.3s', 2_300],
    ['1500us', 2],
    ['1500µs', 2],
    ['1000000ns', 1],
    ['0', 0],
    ['0s', 0],
  ];
  for (const [text, ms] of accepted) {
    it(`reads ${text} as ${ms} ms`, () => expect(parseDurationMs(text)).to.equal(ms));
  }

  const refused: [string, string][] = [
    ['', 'is empty'],
    ['15', 'has no unit'],
    ['1.5', 'has no unit'],
    ['-5s', 'is negative'],
    ['5 s', 'is not a duration'],
    ['5S', 'is not a duration'],
    ['s', 'is not a duration'],
    ['.s', 'is not a duration'],
    ['5s ', 'is not a duration'],
    ['5s3', 'is not a duration'],
    ['1d', 'is not a duration'],
    ['1e3s', 'is not a duration'],
    ['10ns', 'is shorter than a millisecond'],
    [`${'9'.repeat(400)}h`, 'is too long to count in milliseconds'],
  ];
  for (const [text, reason] of refused) {
    it(`refuses "${text.slice(0, 20)}": ${reason}`, () => {
      expect(() => parseDurationMs(text)).to.throw(FormError, reason);
    });
  }

  it('writes what people read', () => {
    expect([0, 200, 1_500, 60_000, 61_500, 5_400_000, 3_600_500].map(formatDurationMs)).to.deep.equal([
      '0s',
      '200ms',
      '1.5s',
      '1m',
      '1m1.5s',
      '1h30m',
      '1h0.5s',
    ]);
  });

  it('either reads or refuses any text', () => {
    const part = fc.constantFrom(
      '0',
      '9',
      '.',
      '-',
      '+',
      'e',
      ' ',
      'ns',
      'us',
      'µs',
      'μs',
      'ms',
      's',
      'm',
      'h',
      'd',
      '５',
      '\0',
    );
    const text = fc.oneof(
      fc.array(part, { maxLength: 12 }).map((parts) => parts.join('')),
      hostileString,
    );
    fc.assert(
      fc.property(text, (one) => {
        const ms = readOrRefused(() => parseDurationMs(one));
        if (ms !== undefined) expect(Number.isSafeInteger(ms) && ms >= 0, one).to.equal(true);
      }),
    );
  });

  it('reads back whatever it writes', () => {
    fc.assert(
      fc.property(fc.nat({ max: 10 ** 12 }), (ms) => {
        expect(parseDurationMs(formatDurationMs(ms))).to.equal(ms);
      }),
    );
  });
});
