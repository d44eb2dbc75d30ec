import { expect } from 'chai';
import fc from 'fast-check';
import type { RuntimeRecord } from '../../lib/runtime-record.ts';
import { getRecord, swapRecord } from '../../sql/runtime-records.ts';
import { rejectionOf } from '../helpers/failure-of.ts';
import { makeRecord } from '../helpers/records.ts';
import { makeStore, type Store } from '../helpers/store.ts';

describe('runtime records', () => {
  let store: Store;

  before(async () => {
    store = await makeStore();
  });
  after(() => store.destroy());
  afterEach(() => store.clear());

  const create = (given: Partial<RuntimeRecord> = {}) =>
    swapRecord(store.db, { expected: null, next: makeRecord(given) });

  it('come back as they were written, every column', async () => {
    const stopped = makeRecord({
      status: 'stopped',
      imageDigest: null,
      stoppedAt: 1_767_225_600_123,
      removedAt: 1_767_225_600_456,
    });
    expect(await swapRecord(store.db, { expected: null, next: stopped })).to.equal(true);
    expect(await getRecord(store.db, 'g')).to.deep.equal(stopped);
    const again = makeRecord({ currentContainerId: 'c2', currentImageRef: 'engine:2', createdAt: 1 });
    expect(await swapRecord(store.db, { expected: stopped, next: again })).to.equal(true);
    expect(await getRecord(store.db, 'g')).to.deep.equal({ ...again, createdAt: stopped.createdAt });
    expect(await getRecord(store.db, 'G')).to.equal(null);
  });

  for (const [what, expected] of Object.entries({
    'another status': { status: 'stopped', currentContainerId: 'container of g' },
    'another container': { status: 'running', currentContainerId: 'other' },
    'no container': { status: 'running', currentContainerId: null },
    'no record': null,
  } as const)) {
    it(`are left alone by a swap that expects ${what}`, async () => {
      await create();
      const before = await store.world();
      expect(
        await swapRecord(store.db, { expected, next: makeRecord({ currentContainerId: 'new' }) }),
      ).to.equal(false);
      expect(await store.world()).to.deep.equal(before);
    });
  }

  it('are not created by a swap that expects one', async () => {
    const swapped = await swapRecord(store.db, { expected: makeRecord(), next: makeRecord() });
    expect(swapped).to.equal(false);
    expect(await getRecord(store.db, 'g')).to.equal(null);
  });

  it('without a container are swapped by who expects none', async () => {
    await create({ status: 'removed', currentContainerId: null });
    const expected = { status: 'removed', currentContainerId: null } as const;
    expect(await swapRecord(store.db, { expected, next: makeRecord() })).to.equal(true);
  });

  it('have exactly one winner when two create them at once, fifty times', async () => {
    for (let round = 0; round < 50; round += 1) {
      const gameId = `g${round}`;
      const won = await Promise.all(
        ['one', 'two'].map((currentContainerId) => create({ gameId, currentContainerId })),
      );
      expect(won.filter(Boolean)).to.have.length(1);
      const kept = await getRecord(store.db, gameId);
      expect(kept?.currentContainerId).to.equal(won[0] ? 'one' : 'two');
    }
  });

  it('have exactly one winner when two swap them at once, fifty times', async () => {
    await create({ currentContainerId: 'c0' });
    for (let round = 0; round < 50; round += 1) {
      const expected = await getRecord(store.db, 'g');
      const contenders = ['a', 'b'].map((name) => `c${round + 1}${name}`);
      const won = await Promise.all(
        contenders.map((currentContainerId) =>
          swapRecord(store.db, { expected, next: makeRecord({ currentContainerId }) }),
        ),
      );
      expect(won.filter(Boolean)).to.have.length(1);
      expect((await getRecord(store.db, 'g'))?.currentContainerId).to.equal(contenders[won.indexOf(true)]);
    }
  });

  it('keep every millisecond of our time', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 4_102_444_800_000 }), async (ms) => {
        const next = makeRecord({ startedAt: ms, stoppedAt: ms, removedAt: ms, lastOpAt: ms });
        await swapRecord(store.db, { expected: await getRecord(store.db, 'g'), next });
        expect(await getRecord(store.db, 'g')).to.include({
          startedAt: ms,
          stoppedAt: ms,
          removedAt: ms,
          lastOpAt: ms,
        });
      }),
      { numRuns: 50 },
    );
  });

  it('go to the second of two when the transaction of the first is rolled back', async () => {
    await create();
    const change = { expected: makeRecord(), next: makeRecord({ status: 'stopped' }) };
    const swapped = Promise.withResolvers<boolean>();
    const end = Promise.withResolvers<never>();
    const first = store.db.transaction(async (transaction) => {
      swapped.resolve(await swapRecord(transaction, change));
      await end.promise;
    });
    expect(await swapped.promise).to.equal(true);
    const second = swapRecord(store.db, change);
    await store.blocked(1);
    end.reject(new Error('rolled back'));
    expect((await rejectionOf(first)).message).to.equal('rolled back');
    expect(await second).to.equal(true);
  });
});
