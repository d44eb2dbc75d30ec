import { expect } from 'chai';
import fc from 'fast-check';
import { type HashRange, planRound, sliceAt } from '../../lib/tick-slice.ts';

/** The slices of one round that begins at this time, in order of their ticks. */
function roundFrom(intervalMs: number, fromMs: number): HashRange[] {
  const everyMs = planRound(intervalMs).sliceMs;
  const first = Math.ceil(fromMs / everyMs) * everyMs;
  const slices: HashRange[] = [];
  for (let at = first; at <= first + intervalMs - everyMs; at += everyMs)
    slices.push(sliceAt(planRound(intervalMs), at));
  return slices;
}

describe('the slices of a round', () => {
  for (const [intervalMs, everyMs] of [
    [30_000, 1_000],
    [15_000, 1_000],
    [2_500, 833],
    [1_500, 750],
    [1_000, 1_000],
    [200, 200],
    [1, 1],
    [3_600_000, 1_000],
  ] as const) {
    it(`come every ${everyMs} ms in a round of ${intervalMs} ms`, () => {
      expect(planRound(intervalMs).sliceMs).to.equal(everyMs);
    });
  }

  it('are together all hashes, each once, whenever a round begins', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60_000 }), fc.nat(2 ** 40), (intervalMs, fromMs) => {
        const slices = roundFrom(intervalMs, fromMs).toSorted((left, right) => left.from - right.from);
        expect(slices[0]?.from).to.equal(-(2 ** 31));
        expect(slices.at(-1)?.to).to.equal(2 ** 31 - 1);
        for (const [index, slice] of slices.entries()) {
          expect(slice.to).to.be.at.least(slice.from);
          if (index > 0) expect(slice.from).to.equal((slices[index - 1]?.to ?? 0) + 1);
        }
      }),
    );
  });

  it('are the same for a tick that comes late, and the next round', () => {
    const dueAtMs = 1_767_225_607_000;
    expect(sliceAt(planRound(30_000), dueAtMs + 400)).to.deep.equal(sliceAt(planRound(30_000), dueAtMs));
    expect(sliceAt(planRound(30_000), dueAtMs + 30_000)).to.deep.equal(sliceAt(planRound(30_000), dueAtMs));
    expect(sliceAt(planRound(30_000), dueAtMs + 1_000).from).to.equal(
      sliceAt(planRound(30_000), dueAtMs).to + 1,
    );
  });
});
