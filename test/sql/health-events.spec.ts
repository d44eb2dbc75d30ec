import { expect } from 'chai';
import type { HealthEvent } from '../../lib/health.ts';
import { makeHealthEvent, makeJobResult } from '../../lib/messages.ts';
import { listHealthEvents } from '../../sql/health-events.ts';
import { addMessages } from '../../sql/outbox.ts';
import { makeStore, type Store } from '../helpers/store.ts';

const exited = (occurredAtMs: number, given: { dedupeKey?: string } = {}): HealthEvent => ({
  type: 'container_exited',
  source: 'docker_event',
  containerId: 'c',
  occurredAtMs,
  details: { exit_code: 1, oom: false },
  ...given,
});

describe('the history of health events', () => {
  let store: Store;
  before(async () => {
    store = await makeStore();
  });
  after(() => store?.destroy());
  beforeEach(() => store.clear());

  const tell = (gameId: string, ...events: HealthEvent[]) =>
    addMessages(
      store.db,
      events.map((event) => makeHealthEvent(gameId, event)),
    );
  const listed = async (gameId: string, limit = 10) =>
    (await listHealthEvents(store.db, { gameId, limit })).map((one) => one.occurredAt);

  it('is kept by whatever tells them, newest first, as they were told', async () => {
    await tell('g', exited(1_000), exited(3_000), exited(2_000));
    await tell('other', exited(4_000));
    expect(await listed('g')).to.deep.equal([3_000, 2_000, 1_000]);
    expect(await listed('g', 2)).to.deep.equal([3_000, 2_000]);
    const [newest] = await listHealthEvents(store.db, { gameId: 'g', limit: 1 });
    expect(newest).to.deep.equal({
      type: 'container_exited',
      containerId: 'c',
      occurredAt: 3_000,
      details: { exit_code: 1, oom: false },
    });
  });

  it('outlives the message', async () => {
    await tell('g', exited(1_000));
    await store.rows('delete from rtmanager.outbox');
    expect(await listed('g')).to.deep.equal([1_000]);
  });

  it('has once what is told once', async () => {
    await tell('g', exited(1_000, { dedupeKey: 'oom:c' }));
    await tell('g', exited(2_000, { dedupeKey: 'oom:c' }));
    expect(await listed('g')).to.deep.equal([1_000]);
  });

  it('has text that jsonb refuses', async () => {
    const details = { consecutive_failures: 3, last_status: null, last_error: 'half a pair: \ud800, and \0' };
    const event = { ...exited(1_000), type: 'probe_failed', source: 'probe', details } as const;
    await tell('g', event);
    const [told] = await listHealthEvents(store.db, { gameId: 'g', limit: 1 });
    expect(told?.details).to.deep.equal(details);
  });

  it('is written with its message or not at all', async () => {
    const failed = store.db.transaction(async (transaction) => {
      await addMessages(transaction, [makeHealthEvent('g', exited(1_000))]);
      throw new Error('taken back');
    });
    expect(await failed.catch((error: Error) => error.message)).to.equal('taken back');
    expect(await listed('g')).to.deep.equal([]);
  });

  it('is no concern of other messages, nor of one that is no whole event', async () => {
    await addMessages(store.db, [
      makeJobResult({ gameId: 'g', opKind: 'stop', requestEntryId: '1-0', outcome: 'success' }),
      { channel: 'health_events', gameId: 'g', fields: { game_id: 'g' } },
    ]);
    expect(await store.messages()).to.have.length(2);
    expect(await listed('g')).to.deep.equal([]);
  });
});
