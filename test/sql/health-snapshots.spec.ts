import { expect } from 'chai';
import { type HealthEvent, STATUS_AFTER } from '../../lib/health.ts';
import { putSnapshot } from '../../sql/health-snapshots.ts';
import { getSnapshot } from '../helpers/snapshot.ts';
import { makeStore, type Store } from '../helpers/store.ts';

const started = (occurredAtMs: number, containerId = 'c1'): HealthEvent => ({
  type: 'container_started',
  source: 'start',
  containerId,
  occurredAtMs,
  details: { image_ref: 'engine:1' },
});
const exited = (occurredAtMs: number): HealthEvent => ({
  type: 'container_exited',
  source: 'docker_event',
  containerId: 'c1',
  occurredAtMs,
  details: { exit_code: 137, oom: false },
});

describe('health snapshots', () => {
  let store: Store;

  before(async () => {
    store = await makeStore();
  });
  after(() => store.destroy());
  afterEach(() => store.clear());

  it('keep the latest observation of a game', async () => {
    await putSnapshot(store.db, 'g', started(1_000));
    await putSnapshot(store.db, 'g', exited(2_000));
    expect(await getSnapshot(store.db, 'g')).to.deep.equal({
      containerId: 'c1',
      status: 'exited',
      source: 'docker_event',
      details: { exit_code: 137, oom: false },
      observedAt: 2_000,
    });
  });

  it('tell of the operation that came later even when the clock of its replica is behind', async () => {
    await putSnapshot(store.db, 'g', exited(2_000));
    await putSnapshot(store.db, 'g', started(1_000));
    expect(await getSnapshot(store.db, 'g')).to.include({ status: 'healthy', observedAt: 2_000 });
  });

  it('take the later word of two observations of one millisecond', async () => {
    await putSnapshot(store.db, 'g', started(2_000));
    await putSnapshot(store.db, 'g', exited(2_000));
    expect((await getSnapshot(store.db, 'g'))?.status).to.equal('exited');
  });

  it('have a status for every event', async () => {
    for (const [index, type] of Object.keys(STATUS_AFTER).entries()) {
      const event = { ...exited(index), type } as HealthEvent;
      await putSnapshot(store.db, 'g', event);
      expect((await getSnapshot(store.db, 'g'))?.status).to.equal(STATUS_AFTER[event.type]);
    }
  });

  it('are not there for a game that nobody observed', async () => {
    expect(await getSnapshot(store.db, 'nobody')).to.equal(null);
  });
});
