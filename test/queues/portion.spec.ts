import { expect } from 'chai';
import fc from 'fast-check';
import { makePortion } from '../../queues/portion.ts';

const MEGABYTE = 1024 * 1024;
const entryOf = (bytes: number) => ({
  stream: 'starts',
  id: '1-0',
  fields: [[Buffer.alloc(0), Buffer.alloc(bytes)]] as const,
});

describe('how many entries are read at once', () => {
  it('begins with one, and grows to the most while they are small', () => {
    const portion = makePortion(500);
    expect(portion.count).to.equal(1);
    const counts = Array.from({ length: 10 }, () => {
      portion.took([entryOf(100)]);
      return portion.count;
    });
    expect(counts).to.deep.equal([2, 4, 8, 16, 32, 64, 128, 256, 500, 500]);
  });

  it('shrinks to what fits when they are large, to one at least, and grows again behind them', () => {
    const portion = makePortion(500);
    for (let read = 0; read < 9; read += 1) portion.took([entryOf(MEGABYTE), entryOf(MEGABYTE)]);
    expect(portion.count).to.equal(16);
    portion.took([entryOf(64 * MEGABYTE)]);
    expect(portion.count).to.equal(1);
    portion.took([entryOf(100)]);
    expect(portion.count).to.equal(2);
  });

  it('learns nothing from nothing, and never asks for none or too many', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 500 }),
        fc.array(fc.array(fc.nat(100_000), { maxLength: 5 })),
        (most, reads) => {
          const portion = makePortion(most);
          for (const sizes of reads) {
            const before = portion.count;
            portion.took(sizes.map(entryOf));
            if (sizes.length === 0) expect(portion.count).to.equal(before);
            expect(portion.count).to.be.within(1, Math.min(most, 2 * before));
          }
        },
      ),
    );
  });
});
