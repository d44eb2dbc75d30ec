import { expect } from 'chai';
import type { Handlers } from '../../handlers/types.ts';
import { RuntimeError } from '../../lib/errors.ts';
import { ShutdownError } from '../../lib/lease.ts';
import { makeQueueSide, type QueueSide } from '../helpers/queue-side.ts';
import { makeRedis, type TestRedis } from '../helpers/redis.ts';
import { startedResult } from '../helpers/results.ts';
import { makeStore, type Store } from '../helpers/store.ts';

const WINDOW_MS = 600_000;

describe('an operation that finds Docker away', () => {
  let store: Store;
  let redis: TestRedis;
  let side: QueueSide;
  let start: Handlers['start'];

  before(async () => {
    store = await makeStore();
    redis = await makeRedis();
    side = await makeQueueSide({
      store,
      redis,
      retryWindowMs: WINDOW_MS,
      handlers: { start: (operation, context) => start(operation, context) },
    });
  });
  after(async () => {
    await side?.[Symbol.asyncDispose]();
    await redis?.release();
    await store?.destroy();
  });
  beforeEach(async () => {
    start = dockerIsAway();
    await store.queue({ sourceRef: 'runtime:start_jobs/7-1' }, { sourceRef: 'runtime:start_jobs/8-1' });
  });
  afterEach(() => store.clear());

  const dockerIsAway = (rollbackPending?: boolean) => () =>
    Promise.reject(
      new RuntimeError(
        'docker_unavailable',
        'Docker did not answer',
        rollbackPending === undefined ? {} : { rollbackPending },
      ),
    );
  const head = async () =>
    (
      await store.rows(
        `select status, attempt, error_code, rollback_pending, retrying_since is not null as retrying,
           round(extract(epoch from not_before - clock_timestamp()))::int as due_in
         from rtmanager.operation_log order by seq limit 1`,
      )
    )[0];
  const makeDue = () =>
    store.rows('update rtmanager.operation_log set not_before = now() where not_before > now()');
  const passWindow = () =>
    store.rows(
      `update rtmanager.operation_log set retrying_since = now() - $1 * interval '1 millisecond'
       where retrying_since is not null`,
      [WINDOW_MS + 1_000],
    );

  it('goes back to its place, without an outcome or a message', async () => {
    expect(await side.run('g')).to.include({
      result: 'postponed',
      error_code: 'docker_unavailable',
      attempt: 1,
    });
    expect(await head()).to.include({ status: 'queued', attempt: 1, error_code: null, retrying: true });
    expect(await side.run('g')).to.deep.equal({ result: 'nothing to do' });
    expect(await store.messages()).to.deep.equal([]);
  });

  it('waits longer with every attempt, half a minute at most', async () => {
    const delays: unknown[] = [];
    for (let attempt = 1; attempt <= 7; attempt += 1) {
      await side.run('g');
      delays.push((await head())?.due_in);
      await makeDue();
    }
    expect(delays).to.deep.equal([1, 2, 4, 8, 16, 30, 30]);
  });

  it('succeeds as soon as Docker is back, and answers once', async () => {
    await side.run('g');
    await makeDue();
    start = async () => startedResult();
    expect(await side.run('g')).to.include({ result: 'success', attempt: 2 });
    expect((await store.messages()).map((one) => one.channel)).to.deep.equal([
      'health_events',
      'job_results',
    ]);
  });

  it('fails when the window has passed, with an answer and no alert', async () => {
    await side.run('g');
    await makeDue();
    await passWindow();
    expect(await side.run('g')).to.include({ result: 'failure', error_code: 'docker_unavailable' });
    expect(await head()).to.include({ status: 'finished', error_code: 'docker_unavailable' });
    expect((await store.messages()).map(({ channel, error_code }) => [channel, error_code])).to.deep.equal([
      ['job_results', 'docker_unavailable'],
    ]);
    // And only now is it the turn of the one behind it.
    start = async () => startedResult();
    expect(await side.run('g')).to.include({ result: 'success' });
  });

  it('does not fail while nobody knows whether it left a container, however long that takes', async () => {
    start = dockerIsAway(true);
    await side.run('g');
    for (const _round of [1, 2]) {
      await makeDue();
      await passWindow();
      // The attempt did not get far enough to look: what the one before did not know is still unknown.
      start = dockerIsAway();
      expect(await side.run('g')).to.include({ result: 'postponed' });
      expect(await head()).to.include({ status: 'queued', rollback_pending: true });
    }
    await makeDue();
    start = dockerIsAway(false);
    expect(await side.run('g')).to.include({ result: 'failure', error_code: 'docker_unavailable' });
  });

  it('does not fail either when the attempt before it died, though the window has passed', async () => {
    await side.run('g');
    await makeDue();
    await passWindow();
    await store.claim('g');
    await store.expireLease('g');
    expect(await side.run('g')).to.include({ result: 'postponed' });
  });

  it('keeps its window open through the other ways of being given back', async () => {
    await side.run('g');
    await makeDue();
    await passWindow();
    const entered = Promise.withResolvers<void>();
    start = (_operation, { signal }) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason));
        entered.resolve();
      });
    await using stopping = await makeQueueSide({ store, redis, handlers: { start } });
    const run = stopping.run('g');
    await entered.promise;
    stopping.leases.abortAll(new ShutdownError());
    expect((await run).result).to.equal('handed over');
    expect(await head()).to.include({ status: 'queued', retrying: true });
  });
});
