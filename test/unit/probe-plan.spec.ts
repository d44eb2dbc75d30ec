import { expect } from 'chai';
import fc from 'fast-check';
import { isInGrace, offsetMs, planProbes } from '../../lib/probe-plan.ts';
import { sliceAt } from '../../lib/tick-slice.ts';

const plan = (intervalMs: number, timeoutMs = 2_000) =>
  planProbes({ intervalMs, timeoutMs, failuresThreshold: 3 });
const anyPlan = fc
  .tuple(fc.integer({ min: 1, max: 3_600_000 }), fc.integer({ min: 1, max: 60_000 }))
  .map(([intervalMs, timeoutMs]) => plan(intervalMs, timeoutMs));

describe('the plan of the probes', () => {
  for (const { intervalMs, timeoutMs, slices, sliceMs } of [
    { intervalMs: 15_000, timeoutMs: 2_000, slices: 15, sliceMs: 1_000 },
    { intervalMs: 3_600_000, timeoutMs: 2_000, slices: 15, sliceMs: 240_000 },
    { intervalMs: 15_000, timeoutMs: 5_000, slices: 6, sliceMs: 2_500 },
    { intervalMs: 1_000, timeoutMs: 200, slices: 5, sliceMs: 200 },
    { intervalMs: 1_000, timeoutMs: 2_000, slices: 1, sliceMs: 1_000 },
    { intervalMs: 700, timeoutMs: 100, slices: 3, sliceMs: 233 },
    { intervalMs: 1, timeoutMs: 1, slices: 1, sliceMs: 200 },
  ]) {
    it(`cuts ${intervalMs} ms, with a time limit of ${timeoutMs} ms, into ${slices} of ${sliceMs} ms`, () => {
      expect(plan(intervalMs, timeoutMs)).to.include({ slices, sliceMs, intervalMs: slices * sliceMs });
    });
  }

  it('keeps the interval, within a slice of a millisecond each', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 200, max: 3_600_000 }),
        fc.integer({ min: 1, max: 60_000 }),
        (wanted, limit) => {
          const { intervalMs, slices, sliceMs } = plan(wanted, limit);
          expect(Math.abs(intervalMs - wanted)).to.be.at.most(slices);
          expect(sliceMs).to.be.at.least(200);
        },
      ),
    );
  });

  it('has every phase in exactly one of the slices that follow each other', () => {
    fc.assert(
      fc.property(anyPlan, fc.maxSafeNat(), (planned, fromMs) => {
        const slices = Array.from({ length: planned.slices }, (_, index) =>
          sliceAt(planned, (fromMs % 2 ** 42) + index * planned.sliceMs),
        ).toSorted((left, right) => left.from - right.from);
        expect(slices[0]?.from).to.equal(-(2 ** 31));
        expect(slices.at(-1)?.to).to.equal(2 ** 31 - 1);
        for (const [index, { from }] of slices.entries()) {
          if (index > 0) expect(from).to.equal((slices[index - 1]?.to ?? 0) + 1);
        }
      }),
    );
  });

  it('gives each phase its moment within the slice, later ones later', () => {
    fc.assert(
      fc.property(
        anyPlan,
        fc.nat(),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (planned, dueAtMs, share) => {
          const slice = sliceAt(planned, dueAtMs);
          const phase = Math.round(slice.from + share * (slice.to - slice.from));
          const offset = offsetMs(planned, slice, phase);
          expect(offset).to.be.at.least(0).and.below(planned.sliceMs);
          expect(offset).to.be.closeTo(share * planned.sliceMs, planned.sliceMs / 1_000 + 1);
        },
      ),
    );
  });

  it('does one slice twice when its tick is run twice', () => {
    expect(sliceAt(plan(15_000), 7_999)).to.deep.equal(sliceAt(plan(15_000), 7_000));
    expect(sliceAt(plan(15_000), 8_000)).not.to.deep.equal(sliceAt(plan(15_000), 7_000));
    expect(sliceAt(plan(15_000), 22_000)).to.deep.equal(sliceAt(plan(15_000), 7_000));
  });

  it('gives a container an interval of grace, and a few seconds however short that is (failure mode 17)', () => {
    const startedAtMs = 1_000_000;
    expect(isInGrace(plan(15_000), startedAtMs, startedAtMs + 14_999)).to.equal(true);
    expect(isInGrace(plan(15_000), startedAtMs, startedAtMs + 15_000)).to.equal(false);
    expect(isInGrace(plan(200), startedAtMs, startedAtMs + 4_999)).to.equal(true);
    expect(isInGrace(plan(200), startedAtMs, startedAtMs + 5_000)).to.equal(false);
    expect(isInGrace(plan(200), null, startedAtMs)).to.equal(false);
    // Started by a clock that goes wrong.
    expect(isInGrace(plan(200), startedAtMs + 3_600_000, startedAtMs)).to.equal(false);
  });
});
