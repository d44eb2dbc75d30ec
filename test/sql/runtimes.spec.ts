import { expect } from 'chai';
import fc from 'fast-check';
import type { RuntimeRecord } from '../../lib/runtime-record.ts';
import { putSnapshot } from '../../sql/health-snapshots.ts';
import { swapRecord } from '../../sql/runtime-records.ts';
import { getRuntimes, listRuntimes } from '../../sql/runtimes.ts';
import { makeRecord } from '../helpers/records.ts';
import { getSnapshot } from '../helpers/snapshot.ts';
import { makeStore, type Store } from '../helpers/store.ts';

describe('runtimes', () => {
  let store: Store;

  before(async () => {
    store = await makeStore();
  });
  after(() => store.destroy());
  afterEach(() => store.clear());

  const create = (given: Partial<RuntimeRecord> = {}) =>
    swapRecord(store.db, { expected: null, next: makeRecord(given) });

  it('are records with the health of their own game, and null where there is none', async () => {
    for (const gameId of ['a', 'b', 'c']) await create({ gameId });
    for (const [index, gameId] of ['a', 'b', 'd'].entries()) {
      const at = { containerId: `c-${gameId}`, occurredAtMs: 1_767_225_600_001 + index };
      await putSnapshot(store.db, gameId, {
        type: 'container_exited',
        source: 'reconcile',
        details: { exit_code: index, oom: false },
        ...at,
      });
    }
    const expected = [
      { ...makeRecord({ gameId: 'a' }), health: await getSnapshot(store.db, 'a') },
      { ...makeRecord({ gameId: 'c' }), health: null },
    ];
    const found = await getRuntimes(store.db, ['c', 'nobody', 'd', 'a']);
    expect(found.toSorted((left, right) => (left.gameId < right.gameId ? -1 : 1))).to.deep.equal(expected);
    expect(await getRuntimes(store.db, [])).to.deep.equal([]);
    expect((await listRuntimes(store.db, { limit: 3 })).map(({ health }) => health?.details)).to.deep.equal([
      { exit_code: 0, oom: false },
      { exit_code: 1, oom: false },
      undefined,
    ]);
  });

  it('tell the millisecond in which health was observed, as a snapshot alone does', async () => {
    await create();
    await store.rows(
      `insert into rtmanager.health_snapshots (game_id, status, source, details, observed_at)
       values ('g', 'healthy', 'probe', '{}', '2026-01-01T00:00:00.123987Z')`,
    );
    const [runtime] = await getRuntimes(store.db, ['g']);
    expect(runtime?.health).to.deep.equal(await getSnapshot(store.db, 'g'));
  });

  describe('in pages', () => {
    const games = ['A', 'Z', 'a', 'a-', 'a.b', 'a_b', 'b', 'game-10', 'game-2'];
    const page = async (options: Parameters<typeof listRuntimes>[1]) =>
      (await listRuntimes(store.db, options)).map((runtime) => runtime.gameId);

    beforeEach(async () => {
      for (const [index, gameId] of games.toReversed().entries()) {
        await create({ gameId, ...(index % 3 === 0 ? { status: 'stopped' } : {}) });
      }
    });

    it('come in one order, whatever the page size, each once', async () => {
      await fc.assert(
        fc.asyncProperty(fc.integer({ min: 1, max: 12 }), async (limit) => {
          const seen: string[] = [];
          for (let after: string | undefined; ; after = seen.at(-1)) {
            const some = await page({ limit, after });
            seen.push(...some);
            if (some.length < limit) break;
          }
          expect(seen).to.deep.equal(games);
        }),
        { numRuns: 12 },
      );
    });

    it('can be narrowed to one status', async () => {
      expect(await page({ status: 'stopped', limit: 2 })).to.deep.equal(['a', 'a_b']);
      expect(await page({ status: 'stopped', limit: 2, after: 'a_b' })).to.deep.equal(['game-2']);
      expect(await page({ status: 'removed', limit: 10 })).to.deep.equal([]);
    });

    it('lose and repeat nothing when records appear and vanish between two pages', async () => {
      const first = await page({ limit: 4 });
      await create({ gameId: 'a0' });
      await store.rows("delete from rtmanager.runtime_records where game_id = 'A'");
      expect(await page({ limit: 10, after: first.at(-1) })).to.deep.equal(['a.b', 'a0', ...games.slice(5)]);
    });
  });
});
