import { expect } from 'chai';
import { acceptOperations, type NewOperation } from '../../sql/accept-operations.ts';
import { claimHead } from '../../sql/claims.ts';
import { eventually } from '../helpers/eventually.ts';
import { makeRequest, makeStore, type Store } from '../helpers/store.ts';

describe('accepting operations', () => {
  let store: Store;

  before(async () => {
    store = await makeStore();
  });
  after(() => store.destroy());
  afterEach(() => store.clear());

  const accept = (requests: Partial<NewOperation>[]) =>
    store.db.transaction((transaction) => acceptOperations(transaction, requests.map(makeRequest)));

  /** An acceptance that is kept open until the returned function is called. */
  const acceptAndWait = (requests: Partial<NewOperation>[]) =>
    store.holding((transaction) => acceptOperations(transaction, requests.map(makeRequest)));

  const inOrder = async () =>
    (await store.rows('select source_ref from rtmanager.operation_log order by seq')).map(
      (row) => row.source_ref,
    );

  it('gives them their places in the order given, over all games', async () => {
    // More than one page of the planner's sort would be, and neither sorted by game nor by reference.
    const refs = Array.from({ length: 300 }, (_, place) => `${(place * 7919) % 300}`);
    await accept(refs.map((sourceRef, place) => ({ sourceRef, gameId: `g${place % 7}` })));
    expect(await inOrder()).to.deep.equal(refs);
  });

  it('keeps what was asked, and answers which games have new work', async () => {
    const stop = {
      gameId: 'b',
      opKind: 'stop',
      opSource: 'admin_rest',
      sourceRef: 'key 1',
      imageRef: null,
      reason: 'timeout',
    } as const;
    const accepted = await accept([{ gameId: 'a', imageRef: 'engine:7' }, stop]);
    // By which the trace of a request goes on where it is run.
    expect(
      accepted.map(({ operationId, correlationId }) => [operationId, correlationId]),
    ).to.have.deep.members((await store.operations()).map((row) => [row.operation_id, row.correlation_id]));
    expect(accepted.map(({ operationId, correlationId, ...game }) => game)).to.have.deep.members([
      { gameId: 'a', opKind: 'start', opSource: 'lobby_stream', imageRef: 'engine:7', sourceRef: null },
      { gameId: 'b', opKind: 'stop', opSource: 'admin_rest', imageRef: null, sourceRef: 'key 1' },
    ]);
    expect(await store.claim('b')).to.include({
      ...stop,
      requestedAt: makeRequest().requestedAt,
      attempt: 1,
    });
  });

  it('takes none at all without a statement', async () => {
    expect(await accept([])).to.deep.equal([]);
  });

  it('makes one operation of the same request: in one batch, in a later one, in two at once', async () => {
    const request = { sourceRef: 'runtime:start_jobs/1-0' };
    expect(await accept([request, request])).to.have.length(1);
    expect(await accept([{ sourceRef: 'runtime:start_jobs/0-9' }, request])).to.have.length(1);
    const both = await Promise.all([accept([{ sourceRef: 'x' }]), accept([{ sourceRef: 'x' }])]);
    expect(both.flat()).to.have.length(1);
    expect(await inOrder()).to.deep.equal(['runtime:start_jobs/1-0', 'runtime:start_jobs/0-9', 'x']);
  });

  it('knows a request that is finished long since', async () => {
    await accept([{ sourceRef: 'x' }]);
    await store.rows(
      `update rtmanager.operation_log set status = 'finished', outcome = 'success', finished_at = now()`,
    );
    expect(await accept([{ sourceRef: 'x' }])).to.deep.equal([]);
  });

  it('tells requests of two sources, and requests without a reference, apart', async () => {
    const accepted = await accept([
      { sourceRef: 'x', opSource: 'gm_rest' },
      { sourceRef: 'x', opSource: 'admin_rest' },
      { sourceRef: null },
      { sourceRef: null },
    ]);
    expect(accepted).to.have.length(4);
  });

  it('takes all of a batch or nothing of it', async () => {
    await store.rows("alter table rtmanager.operation_log add constraint test check (reason <> 'refused')");
    try {
      const failed = await accept([{}, { reason: 'refused' }, {}]).catch(() => 'refused');
      expect(failed).to.equal('refused');
      expect(await inOrder()).to.deep.equal([]);
    } finally {
      await store.rows('alter table rtmanager.operation_log drop constraint test');
    }
  });

  it('makes a second acceptor of a game wait for the first, so a lower place never shows up late', async () => {
    const endFirst = await acceptAndWait([{ sourceRef: 'first' }]);
    let secondIsDone = false;
    const second = accept([{ sourceRef: 'second' }]).then(() => {
      secondIsDone = true;
    });
    await store.blocked(1);
    // Were the second one visible now, it would be claimed before the first, which has the lower place.
    expect([secondIsDone, await claimHead(store.db, { gameId: 'g', leaseMs: 1_000 })]).to.deep.equal([
      false,
      null,
    ]);
    await endFirst();
    await second;
    expect(await inOrder()).to.deep.equal(['first', 'second']);
    expect((await store.claim('g')).sourceRef).to.equal('first');
  });

  it('makes nobody wait for another game', async () => {
    const endFirst = await acceptAndWait([{ gameId: 'a' }]);
    expect(await accept([{ gameId: 'b' }])).to.have.length(1);
    await endFirst();
  });

  it('never deadlocks acceptors of the same games, whatever the order in which they name them', async () => {
    const games = Array.from({ length: 60 }, (_, index) => `g${index}`);
    // Of different sizes, so that no accident of planning gives all of them one order.
    const batches = Array.from({ length: 40 }, (_, batch) =>
      Array.from({ length: 2 + ((batch * 13) % 59) }, (_game, index) => ({
        gameId: games[(index * (batch % 2 ? 7 : 53) + batch) % games.length] ?? '',
        sourceRef: `${batch}/${index}`,
      })),
    );
    await Promise.all(batches.map(accept));
    expect(await inOrder()).to.have.length(batches.flat().length);
    const [statistics] = await store.rows(
      'select deadlocks from pg_stat_database where datname = current_database()',
    );
    expect(statistics?.deadlocks).to.equal('0');
    for (const batch of batches) {
      const own = batch.map((request) => request.sourceRef);
      expect((await inOrder()).filter((ref) => own.includes(String(ref)))).to.deep.equal(own);
    }
  });

  it('keeps the order of places the order of execution while acceptors and runners race', async () => {
    const games = ['a', 'b', 'c'];
    const total = 20 * games.length * 2;
    const accepting = Promise.all(
      Array.from({ length: 20 }, () => accept([...games, ...games].map((gameId) => ({ gameId })))),
    );
    const executed: { gameId: string; seq: bigint }[] = [];
    const run = async (gameId: string) => {
      const head = (await claimHead(store.db, { gameId, leaseMs: 60_000 }))?.operation;
      if (!head || head.seq === null) return;
      executed.push({ gameId, seq: head.seq });
      await store.rows(
        `update rtmanager.operation_log set status = 'finished', lease_until = null, outcome = 'success',
           finished_at = now() where operation_id = $1`,
        [head.operationId],
      );
    };
    await eventually(
      async () => {
        await Promise.all([...games, ...games].map(run));
        return executed.length === total;
      },
      { what: 'all operations to be run', intervalMs: 1 },
    );
    await accepting;
    for (const gameId of games) {
      const order = executed.filter((one) => one.gameId === gameId).map((one) => one.seq);
      expect(order).to.deep.equal(order.toSorted((left, right) => (left < right ? -1 : 1)));
    }
  });
});
