import { expect } from 'chai';
import pg from 'pg';
import type { FeedPlace } from '../../lib/event-feed.ts';
import { makeHealthEvent } from '../../lib/messages.ts';
import { toShownText } from '../../lib/shown-text.ts';
import { findFeedBounds, pruneFeed, readFeed } from '../../sql/event-feed.ts';
import { addMessages } from '../../sql/outbox.ts';
import { makePlayedRunner } from '../helpers/played-runner.ts';
import { makeStore, type Store } from '../helpers/store.ts';

const NOWHERE: FeedPlace = { xid: 0n, feedId: 0n };
const HOUR_MS = 3_600_000;

describe('the feed of events', () => {
  let store: Store;
  before(async () => {
    store = await makeStore();
  });
  after(() => store.destroy());
  afterEach(() => store.clear());

  const read = (after = NOWHERE, limit = 100) => readFeed(store.db, { after, limit });
  /** Each event in a word. */
  const told = async (after = NOWHERE) =>
    (await read(after)).events.map((event) =>
      event.kind === 'operation'
        ? `${event.step.gameId} ${event.step.opKind} ${event.step.status} ${event.step.attempt}`
        : `${event.health.gameId} ${event.health.type}`,
    );
  const health = (gameId: string) =>
    makeHealthEvent(gameId, {
      type: 'container_exited',
      source: 'docker_event',
      containerId: 'c',
      occurredAtMs: 1_767_225_600_123,
      details: { exit_code: 1, oom: false },
    });
  const now = async () => (await findFeedBounds(store.db, NOWHERE)).now;
  const age = (ms: number) =>
    store.rows(`update rtmanager.event_feed set told_at = told_at - $1 * interval '1 millisecond'`, [ms]);

  it('tells every step of an operation, and of a lease that is renewed nothing', async () => {
    await store.queue({ gameId: 'a', opSource: 'gm_rest' });
    const mine = await store.claim('a');
    await store.rows(`update rtmanager.operation_log set lease_until = now() + interval '1 hour'`);
    await store.expireLease('a');
    await store.claim('a');
    expect(await told()).to.deep.equal(['a start queued 0', 'a start running 1', 'a start running 2']);
    const { events } = await read();
    expect(events[0]).to.deep.include({ kind: 'operation' });
    for (const event of events)
      if (event.kind === 'operation') expect(event.step.operationId).to.equal(mine.operationId);
  });

  it('tells of an outcome with the step that brought it, and not before', async () => {
    await store.queue({ gameId: 'a' });
    await makePlayedRunner(store).run('a', {
      outcome: { outcome: 'failure', errorCode: 'conflict', errorMessage: toShownText('it runs') },
    });
    const { events } = await read();
    expect(
      events.map((event) =>
        event.kind === 'operation' ? [event.step.outcome, event.step.errorCode] : event,
      ),
    ).to.deep.equal([
      [null, null],
      [null, null],
      ['failure', 'conflict'],
    ]);
  });

  it('tells health as its message does, and none of the other messages', async () => {
    const result = { channel: 'job_results', gameId: 'a', fields: {} } as const;
    await addMessages(store.db, [result, health('a'), health('b')]);
    expect(await told()).to.deep.equal(['a container_exited', 'b container_exited']);
    const [first] = (await read()).events;
    expect(first).to.deep.include({
      health: {
        gameId: 'a',
        containerId: 'c',
        type: 'container_exited',
        occurredAtMs: 1_767_225_600_123,
        details: { exit_code: 1, oom: false },
      },
    });
  });

  it('is read portion by portion, each event once', async () => {
    await store.queue(...Array.from({ length: 7 }, (_, n) => ({ gameId: `g${n}` })));
    const seen: string[] = [];
    for (let after = NOWHERE, isFull = true; isFull; ) {
      const stretch = await read(after, 3);
      seen.push(...stretch.events.map((event) => (event.kind === 'operation' ? event.step.gameId : '')));
      ({ end: after, isFull } = stretch);
    }
    expect(seen).to.deep.equal(['g0', 'g1', 'g2', 'g3', 'g4', 'g5', 'g6']);
  });

  it('waits for a transaction that began before and is still open: nothing ever comes in front of what was read', async () => {
    const slow = new pg.Client({ connectionString: store.dsn });
    await slow.connect();
    try {
      const begin = await now();
      await slow.query('begin');
      await slow.query(`insert into rtmanager.operation_log
        (game_id, seq, op_kind, op_source, correlation_id, requested_at)
        values ('slow', nextval('rtmanager.operation_seq'), 'start', 'gm_rest', gen_random_uuid(), now())`);
      await store.queue({ gameId: 'fast' });
      const before = await read(begin);
      expect(before.events).to.deep.equal([]);
      await slow.query('commit');
      expect(await told(before.end)).to.deep.equal(['slow start queued 0', 'fast start queued 0']);
    } finally {
      await slow.end();
    }
  });

  it('has a now that lies behind all that was told, and in front of all that will be', async () => {
    await store.queue({ gameId: 'before' });
    const place = await now();
    await store.queue({ gameId: 'after' });
    expect(await told(place)).to.deep.equal(['after start queued 0']);
  });

  it('knows the places that it never gave out', async () => {
    const isAhead = async (place: FeedPlace) => (await findFeedBounds(store.db, place)).isAhead;
    const place = await now();
    expect(await isAhead(place)).to.equal(false);
    expect(await isAhead({ xid: place.xid + 1_000_000n, feedId: 0n })).to.equal(true);
    expect(await isAhead({ xid: 2n ** 64n - 1n, feedId: 2n ** 63n - 1n })).to.equal(true);
  });

  describe('forgets what is old', () => {
    const prune = (limit = 100) => pruneFeed(store.db, { ageMs: HOUR_MS, limit });
    const rows = async () => (await store.rows('select from rtmanager.event_feed')).length;

    it('from its beginning on, and is complete behind its new beginning', async () => {
      await store.queue({ gameId: 'a' }, { gameId: 'b' });
      await age(2 * HOUR_MS);
      await store.queue({ gameId: 'c' });
      await prune();
      const { first } = await findFeedBounds(store.db, NOWHERE);
      // Of the old ones the latest is its beginning.
      expect(await told()).to.deep.equal(['b start queued 0', 'c start queued 0']);
      expect(await told(first)).to.deep.equal(['c start queued 0']);
    });

    it('never to its end: who has seen the latest event has missed nothing, however long ago that was', async () => {
      await store.queue({ gameId: 'a' }, { gameId: 'b' });
      await age(2 * HOUR_MS);
      expect([await prune(), await prune()]).to.deep.equal([2, 0]);
      const { end } = await read();
      expect((await findFeedBounds(store.db, NOWHERE)).first).to.deep.equal(end);
    });

    it('in portions, and leaves alone what is young', async () => {
      await store.queue(...Array.from({ length: 9 }, (_, n) => ({ gameId: `g${n}` })));
      expect(await prune()).to.equal(0);
      await age(2 * HOUR_MS);
      expect([await prune(4), await prune(4), await prune(4)]).to.deep.equal([4, 4, 1]);
      expect(await rows()).to.equal(1);
    });

    it('with what a dump has brought along from a PostgreSQL that had counted further', async () => {
      await store.queue({ gameId: 'a' });
      await store.rows(`insert into rtmanager.event_feed (xid) values ('9000000000')`);
      expect(await prune()).to.equal(1);
      await store.queue({ gameId: 'b' });
      expect(await told()).to.deep.equal(['a start queued 0', 'b start queued 0']);
    });
  });
});
