import { expect } from 'chai';
import { scenarios } from './scenarios/index.ts';

/** A scenario brings services of its own, and kills them. */
const LONGEST_MS = 120_000;

/** The others take more than half a minute each, also in short: too long for a suite that is run before every change. */
const IN_SUITE = ['soak'];

describe('nothing is lost and nothing is done twice', () => {
  for (const scenario of scenarios.filter(({ name }) => IN_SUITE.includes(name))) {
    it(scenario.title, async function () {
      this.timeout(LONGEST_MS);
      const figures = await scenario.run('short', () => undefined);
      expect(figures.flatMap(({ violations }) => violations)).to.deep.equal([]);
      for (const { what, times } of figures) expect(times, what).to.be.greaterThan(0);
    });
  }
});
