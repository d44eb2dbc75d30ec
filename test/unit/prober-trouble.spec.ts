import { expect } from 'chai';
import { isProberTrouble } from '../../lib/prober-trouble.ts';

describe('failures of many games at once (failure mode 17)', () => {
  for (const [probed, failing, trouble] of [
    [10, 6, true],
    [10, 5, false],
    [10, 10, true],
    [11, 6, true],
    [9, 9, false],
    [1, 1, false],
    [0, 0, false],
    [10_000, 5_000, false],
    [10_000, 5_001, true],
  ] as const) {
    it(`${failing} of ${probed} are ${trouble ? "the prober's own trouble" : 'each their own'}`, () => {
      expect(isProberTrouble({ probed, failing })).to.equal(trouble);
    });
  }
});
