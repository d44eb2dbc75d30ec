import { expect } from 'chai';
import { releasePumpLock, tryPumpLock } from '../../sql/locks.ts';
import { loadCursors, moveCursor } from '../../sql/stream-cursors.ts';
import { eventually } from '../helpers/eventually.ts';
import { makeStore, type Store } from '../helpers/store.ts';

describe('stream cursors', () => {
  let store: Store;

  before(async () => {
    store = await makeStore();
  });
  after(() => store.destroy());
  afterEach(() => store.clear());

  const move = (from: string, to: string, stream = 'starts') => moveCursor(store.db, { stream, from, to });

  it('begin before the first entry, and stay where they were moved', async () => {
    expect([...(await loadCursors(store.db, ['starts', 'stops']))]).to.deep.equal([
      ['starts', '0-0'],
      ['stops', '0-0'],
    ]);
    expect(await move('0-0', '5-1')).to.equal(true);
    expect((await loadCursors(store.db, ['starts'])).get('starts')).to.equal('5-1');
  });

  it('are given in the order asked for, whatever was written last', async () => {
    await loadCursors(store.db, ['starts', 'stops']);
    for (let turn = 0; turn < 3; turn += 1) await move(`${turn}-0`, `${turn + 1}-0`, 'starts');
    expect([...(await loadCursors(store.db, ['starts', 'stops'])).keys()]).to.deep.equal(['starts', 'stops']);
    expect([...(await loadCursors(store.db, ['stops', 'starts'])).keys()]).to.deep.equal(['stops', 'starts']);
  });

  it('do not move for who thinks they stand elsewhere', async () => {
    await loadCursors(store.db, ['starts']);
    await move('0-0', '5-1');
    expect(await move('0-0', '9-9')).to.equal(false);
    expect(await move('5-0', '9-9')).to.equal(false);
    expect((await loadCursors(store.db, ['starts'])).get('starts')).to.equal('5-1');
  });

  it('move for one of two who do it at once, thirty times', async () => {
    await loadCursors(store.db, ['starts']);
    for (let turn = 0; turn < 30; turn += 1) {
      const moved = await Promise.all([1, 2].map(() => move(`${turn}-0`, `${turn + 1}-0`)));
      expect(moved.filter(Boolean)).to.have.length(1);
    }
  });

  it('let one session pump at a time, and another one when it ends', async () => {
    await store.db.connect(async (first) => {
      expect(await tryPumpLock(first, 60_000)).to.equal(true);
      expect(await store.elsewhere((second) => tryPumpLock(second, 60_000))).to.equal(false);
      await releasePumpLock(first);
      expect(
        await store.elsewhere(async (second) => {
          const taken = await tryPumpLock(second, 60_000);
          await releasePumpLock(second);
          return taken;
        }),
      ).to.equal(true);
    });
  });

  it('let another session pump when nothing is heard of the first: it was paused, or its host died', async () => {
    const holding = store.db.connect(async (first) => {
      expect(await tryPumpLock(first, 200)).to.equal(true);
      await store.elsewhere((second) =>
        eventually(async () => (await tryPumpLock(second, 60_000)) || undefined, {
          what: 'the lock of the silent session',
        }),
      );
      // The session is gone, and with it whatever it would still insert.
      await releasePumpLock(first);
    });
    const failure = await holding.then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(failure).to.be.instanceOf(Error);
  });
});
