import { expect } from 'chai';
import { toShownText } from '../../lib/shown-text.ts';
import { pruneFeed } from '../../sql/event-feed.ts';
import { makePool } from '../../sql/pool.ts';
import { swapRecord } from '../../sql/runtime-records.ts';
import { tellHealth } from '../../sql/tell-health.ts';
import { errorCode, errorMessage } from '../helpers/assert-contract.ts';
import { type EventClient, type Frame, listenToEvents } from '../helpers/event-client.ts';
import { eventually } from '../helpers/eventually.ts';
import { type Lobby, makeLobby, STREAMS } from '../helpers/lobby.ts';
import { makePlayedRunner, type PlayedRunner } from '../helpers/played-runner.ts';
import { makeQueueSide, type QueueSide } from '../helpers/queue-side.ts';
import { makeRecord } from '../helpers/records.ts';
import { makeRedis, type TestRedis } from '../helpers/redis.ts';
import { makeRestService, type RestService } from '../helpers/rest-service.ts';
import { makeStore, type Store } from '../helpers/store.ts';
import { makePostgresProxy } from '../helpers/tcp-proxy.ts';

const EVENTS = '/api/v1/internal/events';

describe('events as they happen, with real Redis and PostgreSQL', () => {
  let store: Store;
  let redis: TestRedis;
  let lobby: Lobby;
  let side: QueueSide;
  let runner: PlayedRunner;
  let rest: RestService;
  const clients: EventClient[] = [];
  const stack = new AsyncDisposableStack();

  before(async function () {
    this.timeout(60_000);
    store = stack.adopt(await makeStore(), (one) => one.destroy());
    redis = stack.adopt(await makeRedis(), (one) => one.release());
    lobby = makeLobby(redis);
    side = stack.use(await makeQueueSide({ store, redis }));
    await side.startPump();
    runner = makePlayedRunner(store);
    rest = stack.adopt(await makeRestService({ db: store.db }), (one) => one.close());
  });
  after(() => stack.disposeAsync());
  afterEach(async () => {
    for (const one of clients.splice(0)) one.leave();
    await store.clear();
  });

  const listen = async (options: Parameters<typeof listenToEvents>[1] = {}, at = rest) => {
    const client = await listenToEvents(at.url, options);
    clients.push(client);
    return client;
  };
  /** A frame in a word. */
  const said = ({ event, data }: Frame): string =>
    event === 'operation'
      ? `${data.game_id} ${data.op_kind} ${data.status}`
      : `${data.game_id ?? ''} ${event}`;
  const askStop = (gameId: string) =>
    rest.runtimes(`/${gameId}/stop`, {
      method: 'POST',
      body: { reason: 'timeout' },
      headers: { Prefer: 'respond-async' },
    });
  const exit = async (gameId: string) => {
    const record = makeRecord({ gameId });
    await swapRecord(store.db, { expected: null, next: record });
    await tellHealth(store.db, gameId, {
      type: 'container_oom',
      source: 'docker_event',
      containerId: record.currentContainerId ?? '',
      occurredAtMs: Date.now(),
      details: {},
    });
  };
  const forget = async () => {
    await store.rows(`update rtmanager.event_feed set told_at = told_at - interval '1 day'`);
    await pruneFeed(store.db, { ageMs: 1_000, limit: 10_000 });
  };

  it('tell what streams and REST ask for, how it ends, and the health of games, in one order', async () => {
    const client = await listen();
    await lobby.start('a', 'engine:1');
    await client.got(1);
    await askStop('b');
    await runner.run('b', {
      outcome: { outcome: 'failure', errorCode: 'not_found', errorMessage: toShownText('no game') },
    });
    await exit('c');
    await client.got(5);
    expect(client.frames.map(said)).to.deep.equal([
      'a start queued',
      'b stop queued',
      'b stop running',
      'b stop finished',
      'c container_oom',
    ]);
    expect(client.frames[0]?.data).to.include({
      op_source: 'lobby_stream',
      image_ref: 'engine:1',
      outcome: null,
    });
    expect(client.frames[3]?.data).to.include({
      op_source: 'gm_rest',
      reason: 'timeout',
      error_code: 'not_found',
    });
  });

  it('arrive one by one as they are told, also by a client that says nothing more', async () => {
    const client = await listen();
    for (let n = 0; n < 10; n += 1) {
      await exit(`g${n}`);
      await client.got(n + 1);
      await side.outbox.publish([`g${n}`]);
    }
    const told = (await lobby.entries(STREAMS.healthEvents)).map(({ fields }) => fields.game_id);
    expect(client.frames.map(({ data }) => data.game_id)).to.deep.equal(told);
    expect(told).to.have.length(10);
  });

  it('go on behind the last one that was seen: a client that comes back misses none, and gets none twice', async () => {
    const all = await listen();
    const seen: string[] = [];
    let last = all.lastId;
    for (let round = 0; round < 5; round += 1) {
      const client = await listen({ lastEventId: last });
      await askStop(`r${round}`);
      await client.got(1);
      client.leave();
      seen.push(...client.frames.map(({ id }) => id));
      last = client.lastId;
      await store.queue({ gameId: `away${round}` }, { gameId: `too${round}` });
    }
    const client = await listen({ lastEventId: last });
    await client.got(2);
    seen.push(...client.frames.map(({ id }) => id));
    await all.got(15);
    expect(seen).to.deep.equal(all.frames.map(({ id }) => id));
  });

  it('know where a client was that has seen none', async () => {
    const client = await listen();
    client.leave();
    await store.queue({ gameId: 'a' });
    const back = await listen({ lastEventId: client.lastId });
    expect((await back.got(1)).map(said)).to.deep.equal(['a start queued']);
  });

  it('are of one game where one is asked for', async () => {
    const client = await listen({ query: '?game_id=b' });
    const all = await listen();
    await store.queue({ gameId: 'a' }, { gameId: 'b' }, { gameId: 'c' });
    await exit('b');
    await all.got(4);
    expect((await client.got(2)).map(said)).to.deep.equal(['b start queued', 'b container_oom']);
  });

  it('have a gap frame in place of what is forgotten, and go on with what is not', async () => {
    const client = await listen();
    client.leave();
    await store.queue({ gameId: 'a' }, { gameId: 'b' });
    await forget();
    await store.queue({ gameId: 'c' });
    const back = await listen({ lastEventId: client.lastId });
    await back.got(2);
    expect(back.frames.map(said)).to.deep.equal([' gap', 'c start queued']);
    expect(back.frames[0]?.data).to.deep.equal({ reason: 'forgotten' });
    back.leave();
    const again = await listen({ lastEventId: back.frames[0]?.id ?? '' });
    expect((await again.got(1)).map(said)).to.deep.equal(['c start queued']);
  });

  it('have a gap frame behind an id that was never given out, and go on from now', async () => {
    for (const lastEventId of ['1767229200146-0', '18446744073709551615-9223372036854775807']) {
      await store.queue({ gameId: 'before' });
      const client = await listen({ lastEventId });
      await client.got(1);
      await store.queue({ gameId: 'after' });
      await client.got(2);
      expect(client.frames.map(said)).to.deep.equal([' gap', 'after start queued']);
      expect(client.frames[0]?.data).to.deep.equal({ reason: 'unknown' });
      client.leave();
      await store.clear();
    }
  });

  it('refuse an id that can be none, and a game that can be none', async () => {
    for (const id of ['$', '1', '1-', '-1-2', '18446744073709551616-0', '0-9223372036854775808', '1-2-3']) {
      const answer = await rest.ask(EVENTS, { headers: { 'Last-Event-ID': id } });
      expect([answer.status, errorCode(answer)], id).to.deep.equal([400, 'invalid_request']);
      expect(errorMessage(answer)).to.match(
        /header "Last-Event-ID" must be the id of an event, such as 74211-1830/,
      );
    }
    const answer = await rest.ask(`${EVENTS}?game_id=a..b`);
    expect([answer.status, errorMessage(answer)]).to.include.members([400]);
    expect(errorMessage(answer)).to.match(/query parameter "game_id"/);
  });

  it('are kept by nobody on the way', async () => {
    const { answer } = await listen();
    expect(answer.headers).to.include({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store, no-transform',
      'x-accel-buffering': 'no',
    });
    expect(answer.headers).not.to.have.property('content-encoding');
    const head = await rest.ask(EVENTS, { method: 'HEAD' });
    expect([head.status, head.text]).to.deep.equal([200, '']);
  });

  it('come late, and not too few, after PostgreSQL was away', async () => {
    const proxy = await makePostgresProxy(store.dsn);
    const db = await makePool({ dsn: proxy.dsn, max: 2, name: 'test-events-away' });
    const other = await makeRestService({ db });
    try {
      const client = await listen({}, other);
      await proxy.close();
      await eventually(() => other.log.lines.some(({ message }) => message.includes('told later')), {
        what: 'the loss to be noticed',
      });
      await store.queue({ gameId: 'a' }, { gameId: 'b' });
      await proxy.open();
      expect((await client.got(2)).map(said)).to.deep.equal(['a start queued', 'b start queued']);
    } finally {
      await other.close();
      await db.end();
      await proxy.close();
    }
  });

  it('end in order when the replica shuts down, which does not wait for its clients', async () => {
    const other = await makeRestService({ db: store.db });
    const open = await Promise.all([1, 2, 3].map(() => listen({}, other)));
    const begunMs = performance.now();
    await other.close(60_000);
    expect(performance.now() - begunMs).to.be.below(5_000);
    await Promise.all(open.map((client) => client.ended));
  });
});
