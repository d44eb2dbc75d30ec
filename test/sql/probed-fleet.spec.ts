import { expect } from 'chai';
import type { ProbeCounter } from '../../lib/probe-spell.ts';
import { toShownText } from '../../lib/shown-text.ts';
import { putCounters } from '../../sql/probe-counters.ts';
import { noteTrouble, viewFleet } from '../../sql/probed-fleet.ts';
import { swapRecord } from '../../sql/runtime-records.ts';
import { makeRecord } from '../helpers/records.ts';
import { makeStore, type Store } from '../helpers/store.ts';

const NOW_MS = 1_767_225_600_000;
const QUIET_MS = 30_000;

describe('the fleet that is probed', () => {
  let store: Store;

  before(async () => {
    store = await makeStore();
  });
  after(() => store.destroy());
  afterEach(() => store.clear());

  const counter = (gameId: string, given: Partial<ProbeCounter> = {}): ProbeCounter => ({
    gameId,
    containerId: `container of ${gameId}`,
    consecutiveFailures: 1,
    failingSince: NOW_MS,
    lastStatus: null,
    lastError: toShownText('connection refused'),
    told: false,
    observedAt: NOW_MS,
    ...given,
  });
  const view = (failed: readonly string[] = [], compared = 0) =>
    viewFleet(store.db, { failed, suspect: failed.length, compared });
  async function putGames(count: number): Promise<void> {
    for (let number = 0; number < count; number += 1) {
      await swapRecord(store.db, { expected: null, next: makeRecord({ gameId: `g${number}` }) });
    }
  }

  it('counts the games that fail in their present container, and those that have just failed, once', async () => {
    await putGames(12);
    await swapRecord(store.db, { expected: null, next: makeRecord({ gameId: 'over', status: 'stopped' }) });
    await putCounters(store.db, [
      ...['g0', 'g1', 'over', 'unknown'].map((gameId) => counter(gameId)),
      counter('g2', { containerId: 'the one before' }),
    ]);
    expect(await view()).to.include({ failing: 2, failingBefore: 2 });
    expect(await view(['g1', 'g2', 'g3'])).to.include({ failing: 4, failingBefore: 2 });
  });

  it('counts running games only as far as it matters', async () => {
    await putGames(30);
    expect(await view()).to.include({ probed: 10 });
    expect(await view(['g0', 'g1', 'g2', 'g3', 'g4', 'g5'])).to.include({ probed: 12, failing: 6 });
    expect(await view([], 14)).to.include({ probed: 28 });
    expect(await view([], 20)).to.include({ probed: 30 });
  });

  it('begins its trouble once, and anew when it was quiet for long enough', async () => {
    const note = (afterMs: number) => noteTrouble(store.db, { dueAtMs: NOW_MS + afterMs, quietMs: QUIET_MS });
    expect((await view()).lastTroubleAtMs).to.equal(null);
    expect([await note(0), await note(0), await note(15_000), await note(14_000)]).to.deep.equal([
      true,
      false,
      false,
      false,
    ]);
    expect((await view()).lastTroubleAtMs).to.equal(NOW_MS + 15_000);
    expect(await note(15_000 + QUIET_MS)).to.equal(false);
    expect(await note(15_001 + 2 * QUIET_MS)).to.equal(true);
    // A clock that was set back by an hour.
    expect(await note(-3_600_000)).to.equal(true);
    expect((await view()).lastTroubleAtMs).to.equal(NOW_MS - 3_600_000);
  });

  it('begins its trouble once, however many find it at one time', async () => {
    const notes = Array.from({ length: 8 }, (_, index) =>
      store.elsewhere((db) => noteTrouble(db, { dueAtMs: NOW_MS + index, quietMs: QUIET_MS })),
    );
    expect((await Promise.all(notes)).filter(Boolean)).to.have.length(1);
  });
});
