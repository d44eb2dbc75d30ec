import { expect } from 'chai';
import { forgetHistory } from '../../handlers/forget-history.ts';
import { operationsKeptFrom } from '../../sql/prune-history.ts';
import { type HandlerSide, makeHandlerSide } from '../helpers/handler-side.ts';

const DAY_MS = 86_400_000;
const NOW = Date.parse('2026-06-01T00:00:00Z');
const RETAINED_DAYS = 10;
const daysAgo = (days: number): string => new Date(NOW - days * DAY_MS).toISOString();

describe('the retention of history (RTMANAGER_OPERATION_LOG_RETENTION_DAYS)', () => {
  let side: HandlerSide;
  before(async () => {
    side = await makeHandlerSide({ RTMANAGER_OPERATION_LOG_RETENTION_DAYS: String(RETAINED_DAYS) });
  });
  after(() => side.close());
  beforeEach(() => side.store.clear());

  const tick = (signal = side.tick.signal) => forgetHistory({ ...side.tick, now: () => NOW, signal });
  const addFinished = (prefix: string, count: number, finishedAt: string) =>
    side.store.rows(
      `insert into rtmanager.operation_log (game_id, seq, op_kind, op_source, source_ref, correlation_id, status, outcome,
         requested_at, accepted_at, finished_at)
       select $1 || n, nextval('rtmanager.operation_seq'), 'stop', 'lobby_stream', $1 || n, gen_random_uuid(), 'finished',
         'success', $3, $3, $3 from generate_series(1, $2::int) as n`,
      [prefix, count, finishedAt],
    );
  const addSnapshot = (gameId: string, observedAt: string) =>
    side.store.rows(
      `insert into rtmanager.health_snapshots (game_id, container_id, status, source, details, observed_at)
       values ($1, 'c', 'exited', 'docker_event', '{}', $2)`,
      [gameId, observedAt],
    );
  const games = async (table: string) =>
    (await side.store.rows(`select game_id from rtmanager.${table} order by game_id`)).map(
      (row) => row.game_id,
    );

  it('ends with operations that finished long ago, however many, and with no other', async () => {
    await addFinished('old', 2_500, daysAgo(RETAINED_DAYS + 1));
    await addFinished('young', 1, daysAgo(RETAINED_DAYS - 1));
    await side.store.queue({ gameId: 'waits', requestedAt: Date.parse(daysAgo(400)) });
    await tick();
    expect(await games('operation_log')).to.deep.equal(['waits', 'young1']);
  });

  it('notes since when everything is remembered, and never an earlier time', async () => {
    expect(await operationsKeptFrom(side.store.db)).to.equal(0);
    await tick();
    expect(await operationsKeptFrom(side.store.db)).to.equal(0);
    await addFinished('old', 1, daysAgo(RETAINED_DAYS + 1));
    await tick();
    const keptFrom = NOW - RETAINED_DAYS * DAY_MS;
    expect(await operationsKeptFrom(side.store.db)).to.equal(keptFrom);
    await addFinished('older', 1, daysAgo(300));
    await forgetHistory({ ...side.tick, now: () => NOW - 100 * DAY_MS });
    expect(await games('operation_log')).to.deep.equal([]);
    expect(await operationsKeptFrom(side.store.db)).to.equal(keptFrom);
  });

  it('forgets what it last saw of games whose containers are gone, and of none else', async () => {
    await side.putGame('runs', {});
    await side.putGame('stands', { status: 'stopped' });
    await side.putGame('gone', { status: 'removed', currentContainerId: null });
    await side.putGame('gone-lately', { status: 'removed', currentContainerId: null });
    await side.store.rows('delete from rtmanager.health_snapshots');
    for (const gameId of ['runs', 'stands', 'gone', 'never-recorded'])
      await addSnapshot(gameId, daysAgo(RETAINED_DAYS + 1));
    await addSnapshot('gone-lately', daysAgo(RETAINED_DAYS - 1));
    await tick();
    expect(await games('health_snapshots')).to.deep.equal(['gone-lately', 'runs', 'stands']);
    expect(await games('runtime_records')).to.deep.equal(['gone', 'gone-lately', 'runs', 'stands']);
  });

  it('forgets what was told of the health of games, whether they run or not', async () => {
    await side.putGame('runs', {});
    await side.store.rows(
      `insert into rtmanager.health_events (game_id, occurred_at, outbox_id, container_id, event_type, details)
       values ('runs', $1, 1, 'c', 'probe_failed', '{}'), ('young', $2, 2, 'c', 'probe_failed', '{}')`,
      [daysAgo(RETAINED_DAYS + 1), daysAgo(RETAINED_DAYS - 1)],
    );
    await tick();
    expect(await games('health_events')).to.deep.equal(['young']);
  });

  it('stops between two batches when the replica shuts down', async () => {
    await addFinished('old', 1, daysAgo(RETAINED_DAYS + 1));
    await tick(AbortSignal.abort());
    expect(await games('operation_log')).to.deep.equal(['old1']);
  });
});
