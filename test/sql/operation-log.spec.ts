import { expect } from 'chai';
import { postpone } from '../../sql/claims.ts';
import { findHeads, findRunnable, getOperation } from '../../sql/operation-log.ts';
import { makeStore, type Store } from '../helpers/store.ts';

describe('finding work', () => {
  let store: Store;

  before(async () => {
    store = await makeStore();
  });
  after(() => store.destroy());
  afterEach(() => store.clear());

  const delayed = { delayMs: 60_000, retrying: false, rollbackPending: false };
  const backdate = (column: string) =>
    store.rows(
      `update rtmanager.operation_log set ${column} = ${column} - interval '1 hour' where ${column} is not null`,
    );
  const runnable = async (limit = 10) =>
    (await findRunnable(store.db, { graceMs: 2_000, limit })).map((game) => game.gameId);

  describe('of any game', () => {
    it('passes over what was queued just now, and finds it once it has waited', async () => {
      await store.queue({ gameId: 'a' }, { gameId: 'b', opKind: 'stop', imageRef: null });
      expect(await runnable()).to.deep.equal([]);
      await backdate('accepted_at');
      expect(await findRunnable(store.db, { graceMs: 2_000, limit: 10 })).to.deep.equal([
        { gameId: 'a', opKind: 'start', opSource: 'lobby_stream', imageRef: 'engine:1' },
        { gameId: 'b', opKind: 'stop', opSource: 'lobby_stream', imageRef: null },
      ]);
    });

    it('finds what was postponed as soon as it is due', async () => {
      await store.queue({});
      await backdate('accepted_at');
      await postpone(store.db, await store.claim('g'), delayed);
      expect(await runnable()).to.deep.equal([]);
      await backdate('not_before');
      expect(await runnable()).to.deep.equal(['g']);
    });

    it('finds what was left by somebody whose lease ran out, and nothing that runs', async () => {
      await store.queue({ gameId: 'left' }, { gameId: 'runs' });
      await store.claim('left');
      await store.claim('runs');
      await store.expireLease('left');
      expect(await runnable()).to.deep.equal(['left']);
    });

    it('finds the oldest when there is more than asked for', async () => {
      await store.queue({ gameId: 'c' }, { gameId: 'a' }, { gameId: 'b' });
      await backdate('accepted_at');
      expect(await runnable(2)).to.deep.equal(['c', 'a']);
    });

    it('finds each game by its head, however much waits behind it', async () => {
      await store.queue({ imageRef: 'engine:1' }, { imageRef: 'engine:2' }, { gameId: 'b' });
      await backdate('accepted_at');
      expect(await findRunnable(store.db, { graceMs: 2_000, limit: 10 })).to.deep.equal([
        { gameId: 'g', opKind: 'start', opSource: 'lobby_stream', imageRef: 'engine:1' },
        { gameId: 'b', opKind: 'start', opSource: 'lobby_stream', imageRef: 'engine:1' },
      ]);
    });

    it('finds the other games although those whose head can not run have long queues', async () => {
      const behind = Array.from({ length: 20 }, () => ({}));
      const running = behind.map(() => ({ gameId: 'runs' }));
      await store.queue(...behind, ...running, { gameId: 'forgotten' });
      await backdate('accepted_at');
      await postpone(store.db, await store.claim('g'), delayed);
      await store.claim('runs');
      expect(await runnable(10)).to.deep.equal(['forgotten']);
    });
  });

  describe('of certain games', () => {
    const heads = async (...gameIds: string[]) =>
      (await findHeads(store.db, gameIds)).map((head) => [head.gameId, head.imageRef]);

    it('finds the head of each, if it is due', async () => {
      await store.queue({ imageRef: 'engine:1' }, { imageRef: 'engine:2' }, { gameId: 'a' }, { gameId: 'b' });
      expect(await heads('nobody', 'g', 'a')).to.have.deep.members([
        ['g', 'engine:1'],
        ['a', 'engine:1'],
      ]);
      await postpone(store.db, await store.claim('g'), delayed);
      expect(await heads('g')).to.deep.equal([]);
    });

    it('finds nothing behind a head that runs, or whose lease ran out: that is for repair', async () => {
      await store.queue({}, {});
      await store.claim('g');
      expect(await heads('g')).to.deep.equal([]);
      await store.expireLease('g');
      expect(await heads('g')).to.deep.equal([]);
    });
  });

  it('of nobody is no operation', async () => {
    expect(await getOperation(store.db, '00000000-0000-0000-0000-000000000000')).to.equal(null);
  });
});
