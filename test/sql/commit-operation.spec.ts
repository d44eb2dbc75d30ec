import { expect } from 'chai';
import type { Effects, Outcome } from '../../lib/effects.ts';
import type { HealthEvent } from '../../lib/health.ts';
import { LeaseLostError } from '../../lib/lease.ts';
import { makeJobResult } from '../../lib/messages.ts';
import type { Operation } from '../../lib/operation.ts';
import { toShownText } from '../../lib/shown-text.ts';
import { postpone, renewLeases } from '../../sql/claims.ts';
import { commitEffects, commitOutcome, RecordConflictError } from '../../sql/commit-operation.ts';
import { getOperation, listInnerEntries } from '../../sql/operation-log.ts';
import { getRecord } from '../../sql/runtime-records.ts';
import { rejectionOf } from '../helpers/failure-of.ts';
import { makeRecord } from '../helpers/records.ts';
import { makeStore, type Store } from '../helpers/store.ts';

const SUCCESS: Outcome = {
  outcome: 'success',
  errorCode: null,
  errorMessage: null,
  containerId: 'c1',
  imageRef: null,
};
const STARTED: HealthEvent = {
  type: 'container_started',
  source: 'start',
  containerId: 'c1',
  occurredAtMs: 1_767_225_600_000,
  details: { image_ref: 'engine:1' },
};
const ANSWER = makeJobResult({ gameId: 'g', opKind: 'start', requestEntryId: '1-0', outcome: 'success' });
const CREATED: Effects = {
  record: { expected: null, next: makeRecord({ currentContainerId: 'c1' }) },
  health: [STARTED],
};

describe('a commit', () => {
  let store: Store;

  before(async () => {
    store = await makeStore();
  });
  after(() => store.destroy());
  beforeEach(() => store.queue({ sourceRef: 'runtime:start_jobs/1-0' }));
  afterEach(() => store.clear());

  const commit = (mine: Operation, effects: Effects = CREATED, outcome = SUCCESS) =>
    commitOutcome(store.db, mine, { outcome, effects, messages: [ANSWER] });
  const correct = (mine: Operation, effects: Effects = CREATED) => commitEffects(store.db, mine, effects);

  const channels = async () =>
    (await store.rows('select channel from rtmanager.outbox order by outbox_id')).map((row) => row.channel);

  /** Rejects with the error, and the world is exactly as it was before. */
  async function changesNothing(attempt: () => Promise<void>): Promise<Error> {
    const before = await store.world();
    const error = await rejectionOf(attempt());
    expect(await store.world()).to.deep.equal(before);
    return error;
  }

  it('writes outcome, record, snapshot and messages, health before the answer', async () => {
    const mine = await store.claim('g');
    await commit(mine);
    const finished = await getOperation(store.db, mine.operationId);
    expect(finished).to.include({
      status: 'finished',
      outcome: 'success',
      containerId: 'c1',
      errorCode: null,
    });
    expect(finished?.finishedAt).to.be.a('number');
    expect(await getRecord(store.db, 'g')).to.deep.equal(CREATED.record?.next);
    expect(
      await store.rows('select game_id, status, container_id from rtmanager.health_snapshots'),
    ).to.deep.equal([{ game_id: 'g', status: 'healthy', container_id: 'c1' }]);
    expect(await channels()).to.deep.equal(['health_events', 'job_results']);
  });

  it('confirms the rollback of an attempt that died', async () => {
    await store.claim('g');
    await store.expireLease('g');
    const mine = await store.claim('g');
    expect(mine.rollbackPending).to.equal(true);
    await commit(
      mine,
      {},
      { ...SUCCESS, outcome: 'failure', errorCode: 'image_pull_failed', containerId: null },
    );
    expect(await getOperation(store.db, mine.operationId)).to.include({
      outcome: 'failure',
      errorCode: 'image_pull_failed',
      rollbackPending: false,
    });
  });

  it('keeps inner entries beside their operation, finished and without a turn of their own', async () => {
    const mine = await store.claim('g');
    const entry = { ...SUCCESS, imageRef: 'engine:0', reason: null, startedAt: 1_767_225_600_000 };
    const inner = [
      { ...entry, opKind: 'stop' },
      { ...entry, opKind: 'reconcile_exit' },
    ] as const;
    await commit(mine, { inner });
    expect(await listInnerEntries(store.db, mine.operationId)).to.deep.equal(inner);
    expect(
      await store.rows(`select op_kind, op_source, seq, status, attempt, parent_operation_id, correlation_id
        from rtmanager.operation_log where parent_operation_id is not null order by op_kind desc`),
    ).to.deep.equal(
      [
        { op_kind: 'stop', op_source: 'lobby_stream' },
        { op_kind: 'reconcile_exit', op_source: 'auto_reconcile' },
      ].map((one) => ({
        ...one,
        seq: null,
        status: 'finished',
        attempt: 1,
        parent_operation_id: mine.operationId,
        correlation_id: mine.correlationId,
      })),
    );
  });

  it('notes the image that a request without one worked with, and never changes the one that was asked for', async () => {
    await store.queue({ gameId: 'h', opKind: 'restart', imageRef: null, opSource: 'gm_rest' });
    for (const gameId of ['g', 'h']) {
      await commit(await store.claim(gameId), {}, { ...SUCCESS, imageRef: 'engine:9' });
    }
    const images = (await store.operations()).map((row) => row.image_ref);
    expect(images).to.deep.equal(['engine:1', 'engine:9']);
  });

  it('keeps a message that holds what PostgreSQL can not', async () => {
    const mine = await store.claim('g');
    await commit(
      mine,
      {},
      {
        outcome: 'failure',
        errorCode: 'container_start_failed',
        errorMessage: toShownText('exec: \0 \ud800'),
        containerId: null,
        imageRef: null,
      },
    );
    expect((await getOperation(store.db, mine.operationId))?.errorMessage).to.equal('exec: \\u0000 \ufffd');
  });

  for (const [write, name] of [
    [commit, 'outcome'],
    [correct, 'correction'],
  ] as const) {
    describe(`of an ${name}`.replace('an c', 'a c'), () => {
      it('changes nothing when another attempt took over', async () => {
        const zombie = await store.claim('g');
        await store.expireLease('g');
        await store.claim('g');
        expect(await changesNothing(() => write(zombie))).to.be.instanceOf(LeaseLostError);
      });

      it('changes nothing when another attempt finished already', async () => {
        const zombie = await store.claim('g');
        await store.expireLease('g');
        await commit(await store.claim('g'));
        expect(await changesNothing(() => write(zombie))).to.be.instanceOf(LeaseLostError);
      });

      it('changes nothing when the operation was given back', async () => {
        const mine = await store.claim('g');
        await postpone(store.db, mine, { delayMs: 0, retrying: false, rollbackPending: false });
        expect(await changesNothing(() => write(mine))).to.be.instanceOf(LeaseLostError);
      });

      it('changes nothing when it was made already', async () => {
        const mine = await store.claim('g');
        await commit(mine);
        expect(await changesNothing(() => write(mine))).to.be.instanceOf(LeaseLostError);
      });

      it('rolls everything back when the record is not as expected', async () => {
        const mine = await store.claim('g');
        for (const expected of [makeRecord(), { status: 'stopped', currentContainerId: null } as const]) {
          const effects: Effects = { ...CREATED, record: { expected, next: makeRecord() } };
          expect(await changesNothing(() => write(mine, effects))).to.be.instanceOf(RecordConflictError);
        }
        expect((await getOperation(store.db, mine.operationId))?.status).to.equal('running');
      });

      it('rolls everything back when one part of it is refused', async () => {
        const mine = await store.claim('g');
        const refused = makeRecord({ statePath: '/state/\0' });
        await changesNothing(() => write(mine, { ...CREATED, record: { expected: null, next: refused } }));
        await write(mine);
        expect((await getRecord(store.db, 'g'))?.status).to.equal('running');
      });

      it('is accepted although the lease is being renewed while it is made', async () => {
        const mine = await store.claim('g');
        const renewed = Promise.withResolvers<void>();
        const mayEnd = Promise.withResolvers<void>();
        const renewal = store.db.transaction(async (transaction) => {
          await renewLeases(transaction, { held: [mine], leaseMs: 60_000 });
          renewed.resolve();
          await mayEnd.promise;
        });
        await renewed.promise;
        // Looks at the row as it was before the renewal, and waits for that to end.
        const writing = write(mine);
        await store.blocked(1);
        mayEnd.resolve();
        await Promise.all([renewal, writing]);
        expect((await getRecord(store.db, 'g'))?.status).to.equal('running');
        expect(await channels()).to.include('health_events');
      });

      it('is accepted although the lease ran out, as long as nobody took over', async () => {
        const mine = await store.claim('g');
        await store.expireLease('g');
        await write(mine);
        expect((await getRecord(store.db, 'g'))?.status).to.equal('running');
      });
    });
  }

  it('of a correction leaves the operation running, and the outcome is still to come', async () => {
    const mine = await store.claim('g');
    await correct(mine);
    expect((await getOperation(store.db, mine.operationId))?.status).to.equal('running');
    await commit(mine, {});
    expect(await channels()).to.deep.equal(['health_events', 'job_results']);
  });

  it('of a paused attempt and of its successor end in one outcome, twenty times (failure mode 19)', async () => {
    for (let round = 0; round < 20; round += 1) {
      const gameId = `g${round}`;
      await store.queue({ gameId });
      const zombie = await store.claim(gameId);
      await store.expireLease(gameId);
      const swap = (currentContainerId: string): Effects => ({
        record: { expected: null, next: makeRecord({ gameId, currentContainerId }) },
      });
      // The zombie commits while its successor claims: whichever comes first decides, and nobody comes second.
      const [late, next] = await Promise.allSettled([
        commit(zombie, swap('of the zombie')),
        store.claim(gameId).then((successor) => commit(successor, swap('of its successor'))),
      ]);
      expect([late.status, next.status].filter((status) => status === 'fulfilled')).to.have.length(1);
      expect((await getRecord(store.db, gameId))?.currentContainerId).to.equal(
        late.status === 'fulfilled' ? 'of the zombie' : 'of its successor',
      );
      expect((await getOperation(store.db, zombie.operationId))?.attempt).to.equal(
        late.status === 'fulfilled' ? 1 : 2,
      );
    }
  });
});
