import { expect } from 'chai';
import type { CommonQueryMethods } from 'slonik';
import type { ProbeCounter } from '../../lib/probe-spell.ts';
import { toShownText } from '../../lib/shown-text.ts';
import { planRound, sliceAt } from '../../lib/tick-slice.ts';
import { acceptEntries } from '../../sql/accept-entries.ts';
import { findBusy } from '../../sql/accept-idle.ts';
import { acceptRequest } from '../../sql/accept-request.ts';
import { claimHead, renewLeases } from '../../sql/claims.ts';
import { findDueProbes } from '../../sql/due-probes.ts';
import { findFeedBounds, pruneFeed, readFeed } from '../../sql/event-feed.ts';
import { listExpiredGames } from '../../sql/expired-games.ts';
import { countFleet } from '../../sql/fleet-counts.ts';
import { readFleetGauges } from '../../sql/fleet-gauges.ts';
import { listFleet } from '../../sql/fleet-page.ts';
import { listHealthEvents } from '../../sql/health-events.ts';
import { putSnapshots } from '../../sql/health-snapshots.ts';
import { endUnhealthy, getFindings, putFindings } from '../../sql/inspect-findings.ts';
import { isKnownGame, listHistory } from '../../sql/operation-history.ts';
import {
  findAcceptedEntries,
  findAskedToRun,
  findEnded,
  findFinished,
  findHeads,
  findRunnable,
  getOperation,
  listInnerEntries,
} from '../../sql/operation-log.ts';
import {
  addMessages,
  gamesToPublish,
  notedElsewhere,
  prunePublished,
  takeUnpublished,
} from '../../sql/outbox.ts';
import { dropCounters, dropEndedCounters, findCounters, putCounters } from '../../sql/probe-counters.ts';
import { viewFleet } from '../../sql/probed-fleet.ts';
import { pruneHealthEvents, pruneOperations, pruneSnapshots } from '../../sql/prune-history.ts';
import { readMoment, readOperations } from '../../sql/read-game.ts';
import { listRecordedGames } from '../../sql/recorded-games.ts';
import { listRunning, lockRunning } from '../../sql/running-games.ts';
import { getRecord, swapRecord } from '../../sql/runtime-records.ts';
import { getRuntimes, listRuntimes } from '../../sql/runtimes.ts';
import { explain } from '../helpers/explain.ts';
import { GAMES, INSERT_MANY_GAMES, manyGameId } from '../helpers/many-games.ts';
import { makeRecord } from '../helpers/records.ts';
import { makeRequest, makeStore, type Store } from '../helpers/store.ts';

/** 200,000 operations of 50,000 games: the plans of a million, and made within seconds. */
const SCALE = `
  alter table rtmanager.operation_log set unlogged;
  alter table rtmanager.outbox set unlogged;
  alter table rtmanager.event_feed set unlogged;
  alter table rtmanager.runtime_records set unlogged;
  alter table rtmanager.health_snapshots set unlogged;
  alter table rtmanager.health_events set unlogged;
  insert into rtmanager.operation_log (game_id, seq, op_kind, op_source, source_ref, correlation_id, status, attempt,
    outcome, requested_at, accepted_at, started_at, finished_at)
  select 'g' || n % 50000, n, 'start', 'lobby_stream', 'runtime:start_jobs/' || n, gen_random_uuid(), 'finished', 1,
    'success', now(), now() - n * interval '1 second', now(), now()
  from generate_series(1, 200000) as n;
  insert into rtmanager.operation_log (operation_id, game_id, seq, op_kind, op_source, correlation_id, status, outcome,
    requested_at, accepted_at, finished_at)
  select ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid, 'old', 300000 + n, 'start', 'gm_rest',
    gen_random_uuid(), 'finished', 'success', now(), now() - n * interval '1 second', now()
  from generate_series(1, 20000) as n;
  insert into rtmanager.operation_log (game_id, seq, op_kind, op_source, correlation_id, requested_at, accepted_at)
  select 'g' || n % 400, 200000 + n, 'stop', 'gm_rest', gen_random_uuid(), now(), now() - interval '1 minute'
  from generate_series(1, 800) as n;
  update rtmanager.operation_log set status = 'running', attempt = 1,
    lease_until = now() + (seq % 3 - 1) * interval '1 minute'
  where status = 'queued' and seq <= 200064;
  insert into rtmanager.outbox (game_id, channel, fields, published_at, entry_id, redis_epoch)
  select 'g' || n % 50000, 'job_results', '[["game_id", "g"]]', now() - n * interval '15 ms', n || '-0', 'this life'
  from generate_series(1, 200000) as n;
  insert into rtmanager.outbox (game_id, channel, fields)
  select 'g' || n, 'job_results', '[]' from generate_series(1, 300) as n;
  insert into rtmanager.health_events (game_id, occurred_at, outbox_id, container_id, event_type, details)
  select 'g' || n % 500, now() - n * interval '1 minute', n, 'c', 'container_started', '{}'
  from generate_series(1, 100000) as n;
  ${INSERT_MANY_GAMES}
  insert into rtmanager.inspect_findings (game_id, container_id, restart_count, problems, observed_at)
  select game_id, current_container_id, 1, '[]', now() from rtmanager.runtime_records where status = 'running';
  insert into rtmanager.probe_counters (game_id, container_id, consecutive_failures, failing_since, last_error,
    observed_at)
  select game_id, current_container_id, 1, now(), '', now() from rtmanager.runtime_records
  where status = 'running' order by game_id limit 300;
  insert into rtmanager.stream_cursors (stream, last_id) values ('runtime:start_jobs', '0-0');
  select setval('rtmanager.operation_seq', 400000);
  analyze rtmanager.operation_log, rtmanager.outbox, rtmanager.runtime_records, rtmanager.health_snapshots,
    rtmanager.inspect_findings, rtmanager.probe_counters, rtmanager.health_events, rtmanager.event_feed;`;

const NOWHERE = { xid: 0n, feedId: 0n };
const games = Array.from({ length: 500 }, (_, index) => `g${index}`);
const SOME = Array.from({ length: 64 }, (_, index) => `00000000-0000-4000-8000-0000000${10_000 + index}`);
const SOME_GAMES = Array.from({ length: 100 }, (_, index) => manyGameId(index * 2));
/** A thirtieth of all running games, each with its container, as one tick of the inspection has them. */
const SLICE = sliceAt(planRound(30_000), 17_000);
const RUNNING = Array.from({ length: 200 }, (_, index) => ({
  gameId: manyGameId(GAMES / 2 + 4 * index + 3),
  containerId: `c${index}`,
}));
const RUNNING_IDS = RUNNING.map((game) => game.gameId);
const NOBODY = '00000000-0000-0000-0000-000000000000';
/** In the middle of what was done to the game `old`. */
const PLACE = { acceptedMicros: `${Date.now() - 10_000_000}000`, operationId: NOBODY };

/** A fifteenth of them, as one tick of the probe has them. */
const PROBED = sliceAt({ sliceMs: 1_000, slices: 15 }, 7_000);

/**
 * Each with the most rows that it may look at: what it answers, and a little more; and the tables that it may read as a
 * whole: small ones, of games that fail alone.
 */
const QUERIES: Record<string, [number, (db: CommonQueryMethods) => Promise<unknown>, ...string[]]> = {
  // All that is queued, runs or waits to be published, and the games that are not removed: through indexes of those alone.
  'counting for a scrape': [16_000, readFleetGauges, 'probe_counters'],
  // Removed games are left out by index; what was seen of them is forgotten in time.
  'counting for the console': [65_000, countFleet, 'health_snapshots'],
  'listing games for the console, those first that need somebody': [
    128_000,
    (db) => listFleet(db, { order: 'attention', limit: 50, offset: 0 }),
    'health_snapshots',
    // A quarter of all are present: their rows are reached sooner without the index.
    'runtime_records',
  ],
  'accepting what was read of a stream': [
    1_000,
    (db) =>
      acceptEntries(db, {
        moves: [{ stream: 'runtime:start_jobs', from: '0-0', to: '1-0' }],
        operations: games.map((gameId) => makeRequest({ gameId, sourceRef: gameId })),
        messages: [{ channel: 'job_results', gameId: 'g1', fields: {} }],
      }),
    // One row a stream.
    'stream_cursors',
  ],
  'claiming the head of a game with a history': [
    20,
    (db) => claimHead(db, { gameId: 'g300', leaseMs: 60_000 }),
  ],
  'claiming the head of a game with nothing to do': [
    20,
    (db) => claimHead(db, { gameId: 'g40000', leaseMs: 60_000 }),
  ],
  'renewing the leases of a replica': [
    200,
    (db) =>
      renewLeases(db, {
        held: Array(64).fill({ gameId: 'g', operationId: NOBODY, attempt: 1 }),
        leaseMs: 60_000,
      }),
  ],
  'finding the heads of games whose operations have ended': [64, (db) => findHeads(db, games.slice(0, 20))],
  'finding all that could run': [4_000, (db) => findRunnable(db, { graceMs: 2_000, limit: 1_000 })],
  'looking up an operation': [1, (db) => getOperation(db, NOBODY)],
  'finding which of the operations that are waited for have ended': [64, (db) => findFinished(db, SOME)],
  'finding which of a page of dead letters were replayed': [
    300,
    (db) =>
      findAcceptedEntries(
        db,
        Array.from({ length: 100 }, (_, n) => `runtime:start_jobs/${1_000 + n}`),
      ),
  ],
  'listing the newest operations of a game': [100, (db) => listHistory(db, { gameId: 'old', limit: 100 })],
  'listing the operations of a game from the middle': [
    100,
    (db) => listHistory(db, { gameId: 'old', limit: 100, after: PLACE }),
  ],
  'reading the operations that explain a game with a long history': [60, (db) => readOperations(db, 'old')],
  'reading the operations that explain a game with work to do': [60, (db) => readOperations(db, 'g300')],
  'counting the messages of a game that wait': [10, (db) => readMoment(db, 'g7')],
  'listing what was told of the health of a game': [
    50,
    (db) => listHealthEvents(db, { gameId: 'g7', limit: 50 }),
  ],
  'asking whether a game is known': [2, (db) => isKnownGame(db, 'g300')],
  'finding what games were asked for last': [1_500, (db) => findAskedToRun(db, games)],
  'listing the inner entries of an operation': [10, (db) => listInnerEntries(db, NOBODY)],
  'accepting a request that is known already': [
    10,
    (db) =>
      acceptRequest(db, {
        ...makeRequest({ gameId: 'g7', sourceRef: 'runtime:start_jobs/7' }),
        operationId: NOBODY,
        requestHash: '',
      }),
  ],
  'adding messages': [
    10,
    (db) => addMessages(db, [{ channel: 'job_results', gameId: 'g1', fields: {}, dedupeKey: 'k' }]),
  ],
  'finding games with something to publish': [1_000, (db) => gamesToPublish(db, { limit: 500 })],
  'finding what one game has to publish': [10, (db) => takeUnpublished(db, { gameIds: ['g7'], limit: 500 })],
  'finding what many games have to publish': [
    1_000,
    (db) => takeUnpublished(db, { gameIds: games, limit: 500 }),
  ],
  'finding messages noted under another life of Redis, when there are none': [
    20,
    (db) => notedElsewhere(db, { epoch: 'this life', limit: 500 }),
  ],
  'finding messages noted under another life of Redis, when all are': [
    2_000,
    (db) => notedElsewhere(db, { epoch: 'the next life', limit: 500 }),
  ],
  'reading events from the beginning': [700, (db) => readFeed(db, { after: NOWHERE, limit: 200 })],
  'reading the events behind the last one': [
    10,
    (db) => readFeed(db, { after: { xid: 2n ** 40n, feedId: 0n }, limit: 200 }),
  ],
  'finding how far events reach': [
    10,
    // There is no answer to read it from.
    (db) => findFeedBounds(db, NOWHERE).catch(() => undefined),
  ],
  'forgetting events when there are none that are old': [
    1_100,
    (db) => pruneFeed(db, { ageMs: 3_600_000, limit: 500 }),
  ],
  'dropping what was published long ago': [
    2_000,
    (db) => prunePublished(db, { ageMs: 3_000_000, limit: 500 }),
  ],
  'looking up a record': [1, (db) => getRecord(db, manyGameId(300))],
  'changing a record': [
    1,
    (db) => swapRecord(db, { expected: makeRecord(), next: makeRecord({ gameId: manyGameId(300) }) }),
  ],
  'listing the running games of one slice': [300, (db) => listRunning(db, SLICE)],
  'making sure that games still run': [500, (db) => lockRunning(db, RUNNING)],
  'finding which of many games are busy': [500, (db) => findBusy(db, RUNNING_IDS)],
  'looking up what an inspection found': [500, (db) => getFindings(db, RUNNING_IDS)],
  'noting what an inspection found': [
    500,
    (db) =>
      putFindings(
        db,
        RUNNING.map((game) => ({ ...game, restartCount: 0, problems: [] })),
        0,
      ),
  ],
  'finding that all is well again': [1_500, (db) => endUnhealthy(db, RUNNING, 0)],
  'writing the snapshots of many games': [
    500,
    (db) =>
      putSnapshots(
        db,
        RUNNING.map(({ gameId, containerId }) => ({
          gameId,
          event: {
            type: 'container_disappeared',
            source: 'reconcile',
            containerId,
            occurredAtMs: 0,
            details: {},
          },
        })),
      ),
  ],
  'looking up a runtime': [2, (db) => getRuntimes(db, [manyGameId(300)])],
  'looking up many runtimes': [
    200,
    (db) =>
      getRuntimes(
        db,
        Array.from({ length: 100 }, (_, index) => manyGameId(index * 499)),
      ),
  ],
  'finding the games whose turn is taken': [1_500, (db) => findBusy(db, games)],
  'finding which of many operations ended long ago': [
    64,
    (db) => findEnded(db, { operationIds: SOME, agoMs: 120_000 }),
  ],
  'listing all games that run or are stopped': [25_100, (db) => listRecordedGames(db, SOME_GAMES)],
  'listing them when no other is asked for': [25_000, (db) => listRecordedGames(db, [])],
  'finding stopped games of an age, when there are none': [
    0,
    (db) => listExpiredGames(db, { untilMs: Date.now() - 3_600_000, limit: 5_000 }),
  ],
  'finding stopped games of an age, when all are': [
    5_000,
    (db) => listExpiredGames(db, { untilMs: Date.now() + 3_600_000, limit: 5_000 }),
  ],
  'forgetting old operations': [
    4_000,
    (db) => pruneOperations(db, { untilMs: Date.now() + 3_600_000, limit: 1_000 }),
    'deployment',
  ],
  'forgetting old operations, when there are none': [
    1,
    (db) => pruneOperations(db, { untilMs: Date.now() - 3_600_000, limit: 1_000 }),
    'deployment',
  ],
  'forgetting what was seen of games that are gone': [
    4_000,
    (db) => pruneSnapshots(db, { untilMs: Date.now() + 3_600_000, limit: 1_000 }),
  ],
  'forgetting what was told of the health of games': [
    4_000,
    (db) => pruneHealthEvents(db, { untilMs: Date.now() - 60_000_000, limit: 1_000 }),
  ],
  'listing runtimes from the beginning': [1_000, (db) => listRuntimes(db, { limit: 500 })],
  'listing runtimes from the middle': [
    1_000,
    (db) => listRuntimes(db, { limit: 500, after: manyGameId(25_000) }),
  ],
  'listing the last runtimes': [1_000, (db) => listRuntimes(db, { limit: 500, after: manyGameId(49_000) })],
  'listing runtimes of one status from the middle': [
    200,
    (db) => listRuntimes(db, { status: 'removed', limit: 100, after: manyGameId(25_000) }),
  ],
  'listing runtimes of a status that only young games have': [
    200,
    (db) => listRuntimes(db, { status: 'stopped', limit: 100 }),
  ],
  'listing the last runtimes of one status': [
    200,
    (db) => listRuntimes(db, { status: 'running', limit: 100, after: manyGameId(49_000) }),
  ],
  // A fifteenth of 6,250 that run.
  'finding the games of one slice of the probe': [1_000, (db) => findDueProbes(db, PROBED), 'probe_counters'],
  'finding the counters of those games': [500, (db) => findCounters(db, RUNNING_IDS), 'probe_counters'],
  // So many games as it takes to be more than twice those that fail.
  'viewing the fleet': [
    2_500,
    (db) => viewFleet(db, { failed: RUNNING_IDS, suspect: 500, compared: 0 }),
    'probe_counters',
    'prober_trouble',
  ],
  'writing the counters of a slice': [
    500,
    (db) =>
      putCounters(
        db,
        RUNNING_IDS.map(
          (gameId): ProbeCounter => ({
            gameId,
            containerId: 'c',
            consecutiveFailures: 1,
            failingSince: 0,
            lastStatus: null,
            lastError: toShownText(''),
            told: false,
            observedAt: 0,
          }),
        ),
      ),
  ],
  'dropping the counters of a slice': [500, (db) => dropCounters(db, RUNNING_IDS), 'probe_counters'],
  'dropping the counters of games that are over': [700, (db) => dropEndedCounters(db), 'probe_counters'],
};

describe('with 200,000 operations and messages of 50,000 games', () => {
  let store: Store;

  before(async function () {
    this.timeout(60_000);
    store = await makeStore();
    await store.rows(SCALE);
  });
  after(() => store.destroy());

  for (const [name, [rows, ask, ...wanted]] of Object.entries(QUERIES)) {
    it(`${name} uses an index and reads no more than it needs`, async () => {
      const plan = await explain(store, ask);
      expect(plan.wholeTables.filter((table) => !wanted.includes(table))).to.deep.equal([]);
      expect(plan.rowsRead).to.be.at.most(rows);
    });
  }
});
