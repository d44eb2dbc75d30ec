import { expect } from 'chai';
import { toShownText } from '../../lib/shown-text.ts';
import { claimHead, postpone, renewLeases } from '../../sql/claims.ts';
import { getOperation } from '../../sql/operation-log.ts';
import { getRecord, swapRecord } from '../../sql/runtime-records.ts';
import { makeRecord } from '../helpers/records.ts';
import { makeStore, type Store } from '../helpers/store.ts';

const AT_ONCE = { delayMs: 0, retrying: false, rollbackPending: false };

describe('a claim', () => {
  let store: Store;

  before(async () => {
    store = await makeStore();
  });
  after(() => store.destroy());
  afterEach(() => store.clear());

  const claim = async (gameId = 'g') =>
    (await claimHead(store.db, { gameId, leaseMs: 60_000 }))?.operation ?? null;
  const backdate = (column: string) =>
    store.rows(
      `update rtmanager.operation_log set ${column} = now() - interval '1 second' where ${column} is not null`,
    );

  it('takes the head of the game, and nothing of other games', async () => {
    await store.queue({ gameId: 'other' }, { sourceRef: 'first' }, { sourceRef: 'second' });
    expect(await claim()).to.include({
      sourceRef: 'first',
      status: 'running',
      attempt: 1,
      rollbackPending: false,
      retryingSince: null,
    });
    expect(await claim('nobody')).to.equal(null);
    expect(
      await store.rows("select game_id from rtmanager.operation_log where status = 'queued' order by seq"),
    ).to.deep.equal([{ game_id: 'other' }, { game_id: 'g' }]);
  });

  it('brings the record of the game along, every column of it', async () => {
    await store.queue({}, { gameId: 'stopped' });
    expect(await claimHead(store.db, { gameId: 'g', leaseMs: 60_000 })).to.have.property('record', null);
    const next = makeRecord({ gameId: 'stopped', status: 'stopped', stoppedAt: 1_767_225_600_123 });
    await swapRecord(store.db, { expected: null, next });
    const claimed = await claimHead(store.db, { gameId: 'stopped', leaseMs: 60_000 });
    expect(claimed?.record).to.deep.equal(next);
    expect(claimed?.record).to.deep.equal(await getRecord(store.db, 'stopped'));
  });

  it('lasts as long as asked, by the clock of the database', async () => {
    await store.queue({});
    await claimHead(store.db, { gameId: 'g', leaseMs: 90_000 });
    const [row] = await store.rows<{ left: number }>(
      'select extract(epoch from lease_until - clock_timestamp())::float8 as left from rtmanager.operation_log',
    );
    expect(row?.left).to.be.within(80, 90);
  });

  it('is refused while the head runs under a lease, though others wait behind it', async () => {
    await store.queue({}, {});
    await claim();
    expect(await claim()).to.equal(null);
  });

  it('waits for a head that is not due, and never takes one from behind it', async () => {
    await store.queue({ sourceRef: 'first' }, { sourceRef: 'second' });
    await postpone(store.db, await store.claim('g'), { ...AT_ONCE, delayMs: 60_000 });
    expect(await claim()).to.equal(null);
    await backdate('not_before');
    expect(await claim()).to.include({ sourceRef: 'first', attempt: 2 });
  });

  it('goes on to the next when the head is finished', async () => {
    await store.queue({ sourceRef: 'first' }, { sourceRef: 'second' });
    await claim();
    await store.rows(`update rtmanager.operation_log set status = 'finished', lease_until = null, outcome = 'success',
      finished_at = now() where status = 'running'`);
    expect(await claim()).to.include({ sourceRef: 'second', attempt: 1 });
  });

  it('takes up an operation whose lease ran out, as a new attempt that knows somebody may have died in it', async () => {
    await store.queue({});
    const first = await store.claim('g');
    await store.expireLease('g');
    const second = await claim();
    expect(second).to.include({ operationId: first.operationId, attempt: 2, rollbackPending: true });
    expect(second?.startedAt).to.equal(first.startedAt);
  });

  it('keeps knowing of an unconfirmed rollback and of the retry window', async () => {
    await store.queue({});
    const delay = { delayMs: 0, retrying: true, rollbackPending: true };
    await postpone(store.db, await store.claim('g'), delay);
    const second = await store.claim('g');
    expect(second.rollbackPending).to.equal(true);
    expect(second.retryingSince).to.be.a('number');
  });

  it('goes to one of many who want it at once, thirty times', async () => {
    for (let round = 0; round < 30; round += 1) {
      const gameId = `g${round}`;
      await store.queue({ gameId }, { gameId });
      const won = await Promise.all([1, 2, 3, 4].map(() => claim(gameId)));
      expect(won.filter((one) => one !== null)).to.have.length(1);
    }
  });

  it('goes to one of many also when the lease ran out, thirty times', async () => {
    await store.queue({});
    await claim();
    for (let attempt = 2; attempt < 32; attempt += 1) {
      await store.expireLease('g');
      const won = await Promise.all([1, 2, 3, 4].map(() => claim()));
      expect(won.flatMap((one) => one?.attempt ?? [])).to.deep.equal([attempt]);
    }
  });

  describe('is renewed', () => {
    it('for every attempt that holds its operation, and for nobody else', async () => {
      await store.queue({ gameId: 'a' }, { gameId: 'b' }, { gameId: 'c' }, { gameId: 'd' });
      const [a, b, c] = [await store.claim('a'), await store.claim('b'), await store.claim('c')];
      await store.expireLease('b');
      await store.claim('b');
      await postpone(store.db, c, AT_ONCE);
      const before = await leases();
      const renewed = await renewLeases(store.db, { held: [a, b, c], leaseMs: 120_000 });
      expect([...renewed]).to.deep.equal([a.operationId]);
      const after = await leases();
      expect(after.get('a')).to.be.greaterThan(before.get('a') ?? 0);
      for (const other of ['b', 'c', 'd']) expect(after.get(other)).to.equal(before.get(other));
    });

    it('although it ran out, as long as nobody took over', async () => {
      await store.queue({});
      const mine = await store.claim('g');
      await store.expireLease('g');
      expect((await renewLeases(store.db, { held: [mine], leaseMs: 60_000 })).size).to.equal(1);
      expect(await claim()).to.equal(null);
    });

    it('for nobody when nobody holds one', async () => {
      expect((await renewLeases(store.db, { held: [], leaseMs: 60_000 })).size).to.equal(0);
    });

    const leases = async () =>
      new Map(
        (
          await store.rows<{ game_id: string; lease: number | null }>(
            'select game_id, extract(epoch from lease_until)::float8 as lease from rtmanager.operation_log',
          )
        ).map((row) => [row.game_id, row.lease]),
      );
  });

  describe('is given back', () => {
    it('to the head of the queue, with the attempts counted on', async () => {
      await store.queue({ sourceRef: 'first' }, { sourceRef: 'second' });
      expect(await postpone(store.db, await store.claim('g'), AT_ONCE)).to.equal(true);
      expect(await claim()).to.include({ sourceRef: 'first', attempt: 2 });
    });

    it('with a retry window that opens once', async () => {
      await store.queue({});
      await postpone(store.db, await store.claim('g'), { ...AT_ONCE, retrying: true });
      await backdate('retrying_since');
      const second = await store.claim('g');
      await postpone(store.db, second, { ...AT_ONCE, retrying: true });
      expect(await claim()).to.include({ retryingSince: second.retryingSince, attempt: 3 });
    });

    it('with what the attempt failed with, until another one fails otherwise', async () => {
      await store.queue({});
      const errors = async () => (await store.operations()).map((one) => one.last_error);
      await postpone(store.db, await store.claim('g'), {
        ...AT_ONCE,
        error: toShownText('Docker is away, \0 says the socket'),
      });
      await postpone(store.db, await store.claim('g'), AT_ONCE);
      expect(await errors()).to.deep.equal(['Docker is away, \\u0000 says the socket']);
      await postpone(store.db, await store.claim('g'), { ...AT_ONCE, error: toShownText('still away') });
      expect(await errors()).to.deep.equal(['still away']);
    });

    it('only by the attempt that holds it', async () => {
      await store.queue({});
      const zombie = await store.claim('g');
      await store.expireLease('g');
      await claim();
      const before = await store.world();
      expect(await postpone(store.db, zombie, AT_ONCE)).to.equal(false);
      expect(await store.world()).to.deep.equal(before);
      expect((await getOperation(store.db, zombie.operationId))?.attempt).to.equal(2);
    });
  });
});
