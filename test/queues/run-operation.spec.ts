import { expect } from 'chai';
import type { Handler, Handlers } from '../../handlers/types.ts';
import { type ErrorCode, RuntimeError } from '../../lib/errors.ts';
import { getRecord } from '../../sql/runtime-records.ts';
import { makeQueueSide, type QueueSide } from '../helpers/queue-side.ts';
import { makeRedis, type TestRedis } from '../helpers/redis.ts';
import { replayResult, startedResult } from '../helpers/results.ts';
import { makeStore, type Store } from '../helpers/store.ts';

const STARTED = startedResult();

describe('running the head of a game', () => {
  let store: Store;
  let redis: TestRedis;
  let side: QueueSide | undefined;

  before(async () => {
    store = await makeStore();
    redis = await makeRedis();
  });
  after(async () => {
    await redis?.release();
    await store?.destroy();
  });
  afterEach(async () => {
    await side?.[Symbol.asyncDispose]();
    await store.clear();
  });

  const request = { sourceRef: 'runtime:start_jobs/7-1' };
  const withHandlers = async (handlers: Partial<Handlers>) => {
    side = await makeQueueSide({ store, redis, handlers });
    return side;
  };
  const runWith = async (start: Handler) => (await withHandlers({ start })).run('g');
  const fails = (code: ErrorCode) => () => Promise.reject(new RuntimeError(code, `because of ${code}`));

  it('records its success, tells of the game’s health, and then answers', async () => {
    await store.queue(request);
    const report = await runWith(async () => STARTED);
    const [operation] = await store.operations();
    expect(operation).to.include({
      status: 'finished',
      outcome: 'success',
      container_id: 'c1',
      error_code: null,
    });
    expect(report).to.deep.equal({
      result: 'success',
      operation_id: operation?.operation_id,
      attempt: 1,
      op_kind: 'start',
      op_source: 'lobby_stream',
      image_ref: 'engine:1',
    });
    expect(await getRecord(store.db, 'g')).to.deep.equal(STARTED.effects.record?.next);
    expect(await store.messages()).to.deep.equal([
      {
        channel: 'health_events',
        game_id: 'g',
        container_id: 'c1',
        event_type: 'container_started',
        occurred_at_ms: '1767225600000',
        details: '{"image_ref":"engine:1"}',
      },
      {
        channel: 'job_results',
        game_id: 'g',
        outcome: 'success',
        container_id: 'c1',
        engine_endpoint: 'http://galaxy-game-g:8080',
        error_code: '',
        error_message: '',
        op_kind: 'start',
        request_entry_id: '7-1',
      },
    ]);
  });

  it('answers a replay as a success that did nothing', async () => {
    await store.queue(request);
    const report = await runWith(async () => replayResult());
    expect(report).to.include({ result: 'success', error_code: 'replay_no_op' });
    expect((await store.operations())[0]).to.include({
      outcome: 'success',
      error_code: 'replay_no_op',
      container_id: 'c1',
    });
    expect(await store.messages()).to.deep.equal([
      {
        channel: 'job_results',
        game_id: 'g',
        outcome: 'success',
        container_id: 'c1',
        engine_endpoint: 'http://galaxy-game-g:8080',
        error_code: 'replay_no_op',
        error_message: '',
        op_kind: 'start',
        request_entry_id: '7-1',
      },
    ]);
  });

  it('runs twice on one input what a crash repeated, and tells of both as they were', async () => {
    await store.queue({ sourceRef: 'runtime:start_jobs/1-0' }, { sourceRef: 'runtime:start_jobs/2-0' });
    const { run } = await withHandlers({
      start: async (_operation, { records }) =>
        (await records.get('g' as never)) ? replayResult() : STARTED,
    });
    expect([(await run('g')).result, (await run('g')).error_code]).to.deep.equal(['success', 'replay_no_op']);
    expect((await store.messages()).map((one) => one.channel)).to.deep.equal([
      'health_events',
      'job_results',
      'job_results',
    ]);
  });

  for (const [code, alert] of [
    ['image_pull_failed', 'runtime.image_pull_failed'],
    ['container_start_failed', 'runtime.container_start_failed'],
    ['start_config_invalid', 'runtime.start_config_invalid'],
    ['conflict', undefined],
    ['not_found', undefined],
    ['internal_error', undefined],
  ] as const) {
    it(`ends with ${code}, an answer, and ${alert ? 'one alert' : 'no alert'}`, async () => {
      await store.queue(request);
      const report = await runWith(fails(code));
      const [operation] = await store.operations();
      expect(report).to.include({ result: 'failure', error_code: code });
      expect(operation).to.include({
        status: 'finished',
        outcome: 'failure',
        error_code: code,
        container_id: null,
      });
      expect(operation?.error_message).to.equal(`because of ${code}`);
      const [answer, ...alerts] = await store.messages();
      expect(answer).to.include({
        channel: 'job_results',
        outcome: 'failure',
        container_id: '',
        engine_endpoint: '',
        error_code: code,
        error_message: `because of ${code}`,
        request_entry_id: '7-1',
      });
      expect(alerts.map((one) => [one.notification_type, one.idempotency_key])).to.deep.equal(
        alert ? [[alert, `${operation?.operation_id}:${alert}`]] : [],
      );
    });
  }

  it('raises one alert for an operation that failed in two attempts (failure mode 19)', async () => {
    await store.queue(request);
    const paused = Promise.withResolvers<never>();
    const entered = Promise.withResolvers<void>();
    let attempts = 0;
    const { run } = await withHandlers({
      start: async () => {
        attempts += 1;
        entered.resolve();
        if (attempts === 1) await paused.promise;
        throw new RuntimeError('image_pull_failed', 'no such image');
      },
    });
    const first = run('g');
    await entered.promise;
    await store.expireLease('g');
    expect(await run('g')).to.include({ result: 'failure', attempt: 2 });
    paused.reject(new RuntimeError('image_pull_failed', 'no such image'));
    expect((await first).result).to.equal('handed over');
    expect((await store.messages()).map((one) => one.channel)).to.deep.equal([
      'job_results',
      'notification_intents',
    ]);
  });

  it('turns an error that nobody foresaw into internal_error, with its words', async () => {
    await store.queue(request);
    await runWith(async () => {
      throw new TypeError('x is not a function');
    });
    const [operation] = await store.operations();
    expect(operation).to.include({ status: 'finished', error_code: 'internal_error' });
    expect(operation?.error_message).to.include('x is not a function');
  });

  it('answers by no stream what did not come by one', async () => {
    await store.queue({ opSource: 'gm_rest', sourceRef: 'some key' }, { opSource: 'admin_rest' });
    const { run } = await withHandlers({ start: async () => ({ ...STARTED, effects: {} }) });
    await run('g');
    await run('g');
    expect((await store.operations()).map((row) => row.outcome)).to.deep.equal(['success', 'success']);
    expect(await store.messages()).to.deep.equal([]);
  });

  it('answers with the id of the entry, also of a stream with slashes in its name', async () => {
    await store.queue({ sourceRef: 'galaxy/prod/starts/9-3' });
    await runWith(async () => ({ ...STARTED, effects: {} }));
    expect((await store.messages())[0]).to.include({ request_entry_id: '9-3' });
  });

  it('answers a dead letter that was replayed with the id of the letter: the entry itself was answered before', async () => {
    await store.queue({ sourceRef: 'runtime:start_jobs/7-1', letterId: '9-3' });
    await runWith(async () => ({ ...STARTED, effects: {} }));
    expect((await store.messages())[0]).to.include({ request_entry_id: '9-3' });
  });

  it('does nothing where there is nothing to do', async () => {
    let runs = 0;
    const { run } = await withHandlers({
      start: async () => {
        runs += 1;
        return STARTED;
      },
    });
    expect(await run('g')).to.deep.equal({ result: 'nothing to do' });
    await store.queue({}, {});
    await store.claim('g');
    expect(await run('g')).to.deep.equal({ result: 'nothing to do' });
    expect(runs).to.equal(0);
  });

  it('leaves a kind that it does not know to a newer version, in its place', async () => {
    await store.queue({ opKind: 'patch' }, { sourceRef: 'behind' });
    const { run } = await withHandlers({ start: async () => ({ ...STARTED, effects: {} }) });
    expect((await run('g')).result).to.equal('postponed');
    expect((await run('g')).result).to.equal('nothing to do');
    expect(await store.operations()).to.have.length(2);
    expect((await store.operations())[0]).to.include({ op_kind: 'patch', status: 'queued', outcome: null });

    await store.rows('update rtmanager.operation_log set not_before = now() where not_before is not null');
    await side?.[Symbol.asyncDispose]();
    const newer = { patch: async () => ({ ...STARTED, effects: {} }) } as unknown as Handlers;
    const { run: runNewer } = await withHandlers(newer);
    expect((await runNewer('g')).result).to.equal('success');
    expect((await store.operations()).map((row) => row.status)).to.deep.equal(['finished', 'queued']);
  });

  it('hands its handler the operation, the record, and a correction that is committed at once', async () => {
    await store.queue({ sourceRef: 'runtime:start_jobs/7-1', imageRef: 'engine:9' });
    await runWith(async (operation, context) => {
      expect(operation).to.include({ gameId: 'g', imageRef: 'engine:9', attempt: 1, status: 'running' });
      expect(await context.records.get('g' as never)).to.equal(null);
      await context.commitStep(STARTED.effects);
      expect(await getRecord(store.db, 'g')).to.include({ status: 'running' });
      expect((await store.operations())[0]?.status).to.equal('running');
      throw new RuntimeError('image_pull_failed', 'no such image');
    });
    // What was found stands, though the operation itself failed.
    expect(await getRecord(store.db, 'g')).to.include({ status: 'running' });
    expect((await store.messages()).map((one) => one.channel)).to.deep.equal([
      'health_events',
      'job_results',
      'notification_intents',
    ]);
  });
});
