import { expect } from 'chai';
import type { DatabasePool } from 'slonik';
import { addStoreGauges } from '../../queues/store-gauges.ts';
import { swapRecord } from '../../sql/runtime-records.ts';
import { STREAMS } from '../helpers/lobby.ts';
import { makeMemoryLogger } from '../helpers/memory-logger.ts';
import { makeReadMetrics, sumOf } from '../helpers/read-metrics.ts';
import { makeRecord } from '../helpers/records.ts';
import { makeRedis, type TestRedis } from '../helpers/redis.ts';
import { connectAs } from '../helpers/redis-connection.ts';
import { makeStore, type Store } from '../helpers/store.ts';

const { startJobs, stopJobs, deadLetters } = STREAMS;
const GAUGES_OF = { start_jobs: startJobs, stop_jobs: stopJobs, dead_letters: deadLetters };

describe('gauges of the stores', () => {
  let store: Store;
  let redis: TestRedis;

  before(async () => {
    store = await makeStore();
    redis = await makeRedis();
  });
  after(async () => {
    await redis?.release();
    await store?.destroy();
  });
  afterEach(async () => {
    await store.clear();
    await redis.client.flushdb();
  });

  /** What a scrape finds, of a replica that has asked nothing yet. */
  async function scrape({ db = store.db }: { db?: DatabasePool } = {}) {
    const { meter, samples } = makeReadMetrics();
    const log = makeMemoryLogger();
    const connection = await connectAs(redis, { role: 'fast', log });
    try {
      addStoreGauges({ meter, db, redis: connection, streams: GAUGES_OF, log });
      const found = await samples();
      return { log, found, read: (...of: [string, Record<string, string>?]) => sumOf(found, ...of) };
    } finally {
      connection.disconnect();
    }
  }

  it('are zero where there is nothing', async () => {
    const { found } = await scrape();
    const nothing = found.filter(({ name }) => name !== 'rtmanager_store_up');
    expect(nothing.map(({ value }) => value)).to.deep.equal(nothing.map(() => 0));
    expect(nothing).to.have.length(11);
  });

  it('count what is under way, and say how long it waits', async () => {
    await store.queue({ gameId: 'a' }, { gameId: 'a' }, { gameId: 'b' });
    await store.claim('a');
    await store.rows(
      `update rtmanager.operation_log set accepted_at = now() - interval '90 s' where status = 'running'`,
    );
    await store.rows(`insert into rtmanager.outbox (game_id, channel, fields, created_at)
      values ('a', 'job_results', '[]', now() - interval '40 s'), ('b', 'job_results', '[]', now())`);
    for (const [gameId, status] of [
      ['a', 'running'],
      ['b', 'stopped'],
      ['c', 'removed'],
    ] as const) {
      await swapRecord(store.db, { expected: null, next: makeRecord({ gameId, status }) });
    }
    await store.rows(`insert into rtmanager.probe_counters
      (game_id, container_id, consecutive_failures, failing_since, last_error, told, observed_at)
      values ('a', 'c', 3, now(), '', true, now()), ('b', 'c', 1, now(), '', false, now())`);
    await redis.client.xadd(startJobs, `${Date.now() - 30_000}-0`, 'a', 'b');
    await redis.client.xadd(startJobs, '*', 'a', 'b');
    await redis.client.xadd(stopJobs, '5-0', 'a', 'b');
    await store.rows(`insert into rtmanager.stream_cursors (stream, last_id) values ($1, '5-0')`, [stopJobs]);
    await redis.client.xadd(deadLetters, '*', 'a', 'b');

    const { read } = await scrape();
    expect(read('rtmanager_queue_operations', { state: 'queued' })).to.equal(2);
    expect(read('rtmanager_queue_operations', { state: 'running' })).to.equal(1);
    expect(read('rtmanager_queue_oldest_head_age_seconds')).to.be.within(90, 120);
    expect(read('rtmanager_outbox_messages')).to.equal(2);
    expect(read('rtmanager_outbox_oldest_age_seconds')).to.be.within(40, 70);
    expect(read('rtmanager_games', { status: 'running' })).to.equal(1);
    expect(read('rtmanager_games', { status: 'stopped' })).to.equal(1);
    expect(read('rtmanager_games_failing_probe')).to.equal(1);
    expect(read('rtmanager_stream_lag_seconds', { stream: 'start_jobs' })).to.be.within(29, 60);
    expect(read('rtmanager_stream_lag_seconds', { stream: 'stop_jobs' })).to.equal(0);
    expect(read('rtmanager_dead_letter_entries')).to.equal(1);
    expect(read('rtmanager_store_up')).to.equal(2);
  });

  it('are missing while their store can not be read, and the others are there', async () => {
    await redis.client.set(deadLetters, 'no stream');
    const { found, read, log } = await scrape();
    expect(read('rtmanager_store_up', { store: 'redis' })).to.equal(0);
    expect(read('rtmanager_store_up', { store: 'postgres' })).to.equal(1);
    expect(found.map(({ name }) => name))
      .to.include('rtmanager_games')
      .and.not.include('rtmanager_stream_lag_seconds');
    expect(log.lines.map(({ message }) => message)).to.deep.equal([
      'metrics are told without those of a store',
    ]);
  });

  it('of Redis are there while PostgreSQL is silent', async () => {
    const silent = { one: () => new Promise(() => undefined) } as unknown as DatabasePool;
    await redis.client.xadd(deadLetters, '*', 'a', 'b');
    const { read } = await scrape({ db: silent });
    expect(read('rtmanager_store_up', { store: 'postgres' })).to.equal(0);
    expect(read('rtmanager_store_up', { store: 'redis' })).to.equal(1);
    expect(read('rtmanager_dead_letter_entries')).to.equal(1);
  });

  it('leave the lag of the streams out where nobody knows how far they were read', async () => {
    const noDb = { one: () => Promise.reject(new Error('away')) } as unknown as DatabasePool;
    const { found, read } = await scrape({ db: noDb });
    expect(read('rtmanager_store_up', { store: 'postgres' })).to.equal(0);
    expect(found.map(({ name }) => name))
      .to.include('rtmanager_dead_letter_entries')
      .and.not.include('rtmanager_stream_lag_seconds');
  });
});
