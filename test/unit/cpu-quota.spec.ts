import { expect } from 'chai';
import fc from 'fast-check';
import { parseCpuQuota } from '../../lib/cpu-quota.ts';
import { FormError } from '../../lib/form-error.ts';

describe('cpu quota', () => {
  const accepted: [string, number][] = [
    ['1.0', 1_000_000_000],
    ['2', 2_000_000_000],
    ['0.5', 500_000_000],
    ['.25', 250_000_000],
    ['0.01', 10_000_000],
    ['0.1', 100_000_000],
  ];
  for (const [text, nanoCpus] of accepted) {
    it(`reads ${text} as ${nanoCpus}`, () => expect(parseCpuQuota(text)).to.equal(nanoCpus));
  }

  for (const text of ['', 'one', '-1', '1e3', '1,0', ' 1', 'NaN', 'Infinity', '.', '1.0 ']) {
    it(`refuses "${text}"`, () =>
      expect(() => parseCpuQuota(text)).to.throw(FormError, 'not a decimal number'));
  }

  it('refuses less than Docker accepts and more than exists', () => {
    for (const text of ['0', '0.0', '0.009']) expect(() => parseCpuQuota(text)).to.throw(FormError, '0.01');
    expect(() => parseCpuQuota('99999999999')).to.throw(FormError, 'more cores');
  });

  it('is a whole number for every share of a core', () => {
    fc.assert(
      fc.property(fc.integer({ min: 10, max: 256_000 }), (thousandths) => {
        expect(parseCpuQuota((thousandths / 1_000).toFixed(3))).to.equal(thousandths * 1_000_000);
      }),
    );
  });
});
