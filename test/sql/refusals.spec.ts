import { expect } from 'chai';
import { sql } from 'slonik';
import { isRefusal } from '../../sql/map-error.ts';
import { makePool } from '../../sql/pool.ts';
import { makeRefusals } from '../../sql/refusals.ts';
import { rejectionOf } from '../helpers/failure-of.ts';
import { makeStore, type Store } from '../helpers/store.ts';

describe('what PostgreSQL refuses although it answers', () => {
  const failure = (code: string) => new Error('refused', { cause: Object.assign(new Error(code), { code }) });

  for (const [code, what] of Object.entries({
    '53100': 'a full disk',
    '53200': 'want of memory',
    '58030': 'a disk that fails',
    '25006': 'a standby',
    '42P01': 'a table that is gone',
    '42501': 'a right that is missing',
    XX002: 'an index that is corrupt',
  })) {
    it(`counts with ${code}, ${what}`, () => {
      expect(isRefusal(failure(code))).to.equal(true);
    });
  }

  for (const code of ['23505', '40P01', '57014', '25P02', '08006', 'ECONNREFUSED']) {
    it(`does not count with ${code}, which says nothing of that`, () => {
      expect(isRefusal(failure(code))).to.equal(false);
    });
  }

  it('is told for ten seconds after it was refused last', () => {
    let nowMs = 0;
    const refusals = makeRefusals(() => nowMs);
    refusals.assertNone();
    const full = failure('53100');
    refusals.note(full);
    nowMs = 9_999;
    expect(() => refusals.assertNone()).to.throw(full);
    refusals.note(failure('23505'));
    nowMs = 10_000;
    refusals.assertNone();
  });

  describe('of a pool', () => {
    let store: Store;
    before(async () => {
      store = await makeStore();
    });
    after(() => store?.destroy());

    it('is told of every query, in a transaction or not', async () => {
      const told: unknown[] = [];
      await using stack = new AsyncDisposableStack();
      const pool = stack.adopt(
        await makePool({ dsn: store.dsn, max: 1, name: 'refused', onFailure: (error) => told.push(error) }),
        (one) => one.end(),
      );
      const refuse = sql.unsafe`do $$ begin raise 'no space left' using errcode = '53100'; end $$`;
      await rejectionOf(pool.query(refuse));
      await rejectionOf(pool.transaction((transaction) => transaction.query(refuse)));
      expect(told.map(isRefusal)).to.deep.equal([true, true]);
    });
  });
});
