import { expect } from 'chai';
import type { EventFeed, FeedPortion } from '../../lib/event-feed.ts';
import { makeEventFeed } from '../../queues/event-feed.ts';
import { countQueries } from '../helpers/count-queries.ts';
import { eventually } from '../helpers/eventually.ts';
import { makeMemoryLogger } from '../helpers/memory-logger.ts';
import { makeStore, type Store } from '../helpers/store.ts';

/** More than is kept for all. */
const MANY = 1_300;

describe('the feed of events that a replica shares', () => {
  let store: Store;
  let feed: EventFeed;
  let counted: ReturnType<typeof countQueries>;
  let over: AbortController;
  const opened: AsyncIterableIterator<FeedPortion>[] = [];

  before(async () => {
    store = await makeStore();
  });
  after(() => store.destroy());
  beforeEach(() => {
    counted = countQueries(store.db);
    feed = makeEventFeed({ db: counted.db, log: makeMemoryLogger() });
    over = new AbortController();
  });
  afterEach(async () => {
    over.abort();
    for (const one of opened.splice(0)) await one.return?.();
    await store.clear();
  });

  const listen = async () => {
    const portions = feed.follow(undefined, over.signal);
    opened.push(portions);
    await portions.next();
    return portions;
  };
  const gamesIn = (portion: FeedPortion): string[] =>
    'gap' in portion
      ? [portion.gap]
      : portion.events.map((event) => (event.kind === 'operation' ? event.step.gameId : ''));
  const take = async (portions: AsyncIterator<FeedPortion>, count: number) => {
    const games: string[] = [];
    while (games.length < count) {
      const { value } = await portions.next();
      const portion = gamesIn(value);
      // What waits for a slow client is never more than this.
      expect(portion.length).to.be.at.most(200);
      games.push(...portion);
    }
    return games;
  };
  const names = Array.from({ length: MANY }, (_, n) => `g${n}`);

  it('gives each its own pace: who is too slow for what is kept in memory misses nothing', async () => {
    const [quick, slow] = [await listen(), await listen()];
    await store.queue(...names.map((gameId) => ({ gameId })));
    expect(await take(quick, MANY)).to.deep.equal(names);
    expect(await take(slow, MANY)).to.deep.equal(names);
    await store.queue({ gameId: 'last' });
    expect([await take(quick, 1), await take(slow, 1)]).to.deep.equal([['last'], ['last']]);
  });

  it('tells who is too slow for what is kept at all that there is a gap', async () => {
    const slow = await listen();
    const quick = await listen();
    await store.queue(...names.map((gameId) => ({ gameId })));
    await take(quick, MANY);
    await store.rows(`delete from rtmanager.event_feed where operation_id is null or feed_id < (
      select max(feed_id) - 9 from rtmanager.event_feed)`);
    // The first of the ten that are left is where the feed begins.
    expect(await take(slow, 10)).to.deep.equal(['forgotten', ...names.slice(-9)]);
  });

  it('asks PostgreSQL nothing while nobody listens, and ends with its listeners', async () => {
    const portions = [await listen(), await listen()];
    const waiting = portions.map((one) => one.next());
    over.abort();
    expect((await Promise.all(waiting)).map(({ done }) => done)).to.deep.equal([true, true]);
    let before = -1;
    await eventually(
      () => {
        const isQuiet = before === counted.queries;
        before = counted.queries;
        return isQuiet;
      },
      // It would ask twice meanwhile.
      { what: 'the questions to end', intervalMs: 120 },
    );
  });
});
