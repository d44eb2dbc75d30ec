import { expect } from 'chai';
import fc from 'fast-check';
import { FormError } from '../../lib/form-error.ts';
import { parseMemorySize } from '../../lib/memory-size.ts';
import { hostileString } from '../helpers/hostile-text.ts';
import { readOrRefused } from '../helpers/read-or-refused.ts';

describe('memory size', () => {
  const accepted: [string, number][] = [
    ['1073741824', 1_073_741_824],
    ['512m', 536_870_912],
    ['512M', 536_870_912],
    ['512mb', 536_870_912],
    ['512MiB', 536_870_912],
    ['1g', 1_073_741_824],
    ['1.5g', 1_610_612_736],
    ['64k', 65_536],
    ['1t', 1_099_511_627_776],
    ['100b', 100],
    ['0', 0],
  ];
  for (const [text, bytes] of accepted) {
    it(`reads ${text} as ${bytes} bytes`, () => expect(parseMemorySize(text)).to.equal(bytes));
  }

  for (const text of [
    '',
    'm',
    '512 m',
    '-1m',
    '1e3',
    '512x',
    '1.m',
    '.5g',
    '512mm',
    'ib',
    '1ib',
    '0x10',
    '1,5g',
  ]) {
    it(`refuses "${text}"`, () =>
      expect(() => parseMemorySize(text)).to.throw(FormError, 'is not a memory size'));
  }

  it('refuses what a number cannot hold exactly', () => {
    expect(() => parseMemorySize('9007199254740993')).to.throw(FormError, 'larger');
  });

  it('either reads or refuses any text', () => {
    const part = fc.constantFrom(
      '0',
      '1',
      '9',
      '.',
      '-',
      '+',
      'e',
      ' ',
      'b',
      'k',
      'K',
      'm',
      'g',
      't',
      'i',
      'B',
      '５',
    );
    const text = fc.oneof(
      fc.array(part, { maxLength: 20 }).map((parts) => parts.join('')),
      hostileString,
    );
    fc.assert(
      fc.property(text, (one) => {
        const bytes = readOrRefused(() => parseMemorySize(one));
        if (bytes !== undefined) expect(Number.isSafeInteger(bytes) && bytes >= 0, one).to.equal(true);
      }),
    );
  });

  it('takes every spelling of a unit for the same', () => {
    const units = { k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 };
    fc.assert(
      fc.property(fc.nat(4_000), fc.constantFrom('k', 'm', 'g', 't'), (count, unit) => {
        for (const spelt of [unit, unit.toUpperCase(), `${unit}b`, `${unit}iB`])
          expect(parseMemorySize(`${count}${spelt}`)).to.equal(count * units[unit]);
      }),
    );
  });

  it('takes plain bytes as they are', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (bytes) => {
        expect(parseMemorySize(String(bytes))).to.equal(bytes);
      }),
    );
  });
});
