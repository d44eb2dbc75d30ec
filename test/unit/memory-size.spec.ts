import { expect } from 'chai';
import fc from 'fast-check';
import { FormError } from '../../lib/form-error.ts';
import { parseMemorySize } from '../../lib/memory-size.ts';

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

  it('takes plain bytes as they are', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (bytes) => {
        expect(parseMemorySize(String(bytes))).to.equal(bytes);
      }),
    );
  });
});
