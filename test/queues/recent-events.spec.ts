import { getEventListeners } from 'node:events';
import { expect } from 'chai';
import type { FeedEvent, FeedPlace } from '../../lib/event-feed.ts';
import { makeRecentEvents } from '../../queues/recent-events.ts';

const placeOf = (feedId: number): FeedPlace => ({ xid: 1n, feedId: BigInt(feedId) });

describe('the memory of recent events', () => {
  const told = (feedId: number): FeedEvent => ({ place: placeOf(feedId) }) as FeedEvent;

  it('keeps nothing of those who waited, whether they were woken or gave up', async () => {
    const recent = makeRecentEvents();
    const { signal } = new AbortController();
    recent.add(placeOf(0), [], placeOf(0));
    for (let round = 1; round <= 100; round += 1) {
      const woken = recent.changedSince(recent.version, signal);
      expect(recent.waiting).to.equal(1);
      recent.add(placeOf(round - 1), [told(round)], placeOf(round));
      await woken;
    }
    const leaving = new AbortController();
    const left = recent.changedSince(recent.version, leaving.signal);
    leaving.abort();
    await left;
    expect(recent.waiting).to.equal(0);
    expect(getEventListeners(signal, 'abort')).to.have.length(0);
  });
});
