import { expect } from 'chai';
import { putSnapshot } from '../../sql/health-snapshots.ts';
import { swapRecord } from '../../sql/runtime-records.ts';
import { errorCode, errorMessage } from '../helpers/assert-contract.ts';
import { makeRecord } from '../helpers/records.ts';
import { makeRestService, type RestService } from '../helpers/rest-service.ts';
import { makeStore, type Store } from '../helpers/store.ts';

describe('GET /runtimes/{game_id}', () => {
  let store: Store;
  let rest: RestService;

  before(async function () {
    // The first suite of a run waits for PostgreSQL's container.
    this.timeout(60_000);
    store = await makeStore();
    rest = await makeRestService({ db: store.db });
  });
  after(async () => {
    await rest?.close();
    await store?.destroy();
  });
  beforeEach(() => store.clear());

  it('answers the record and the health beside it, times as RFC 3339', async () => {
    await swapRecord(store.db, { expected: null, next: makeRecord({ gameId: 'Game-7.f_3a' }) });
    await putSnapshot(store.db, 'Game-7.f_3a', {
      type: 'container_started',
      source: 'start',
      containerId: 'container of Game-7.f_3a',
      occurredAtMs: 1_767_225_600_001,
      details: { image_ref: 'engine:1' },
    });
    const answer = await rest.runtimes('/Game-7.f_3a');
    expect(answer.status).to.equal(200);
    expect(answer.json).to.deep.equal({
      game_id: 'Game-7.f_3a',
      status: 'running',
      current_container_id: 'container of Game-7.f_3a',
      current_image_ref: 'engine:1',
      image_digest: 'sha256:1',
      engine_endpoint: 'http://galaxy-game-Game-7.f_3a:8080',
      state_path: '/state/Game-7.f_3a',
      docker_network: 'galaxy',
      created_at: '2026-01-01T00:00:00.000Z',
      started_at: '2026-01-01T00:00:00.000Z',
      stopped_at: null,
      removed_at: null,
      last_op_at: '2026-01-01T00:00:00.000Z',
      health: {
        container_id: 'container of Game-7.f_3a',
        status: 'healthy',
        source: 'start',
        details: { image_ref: 'engine:1' },
        observed_at: '2026-01-01T00:00:00.001Z',
      },
    });
  });

  it('answers nulls for what is not known of a removed game', async () => {
    const gone = { status: 'removed', currentContainerId: null, imageDigest: null, startedAt: null } as const;
    await swapRecord(store.db, {
      expected: null,
      next: makeRecord({ ...gone, removedAt: 1_767_225_600_000 }),
    });
    expect((await rest.runtimes('/g')).json).to.include({
      status: 'removed',
      current_container_id: null,
      image_digest: null,
      started_at: null,
      health: null,
    });
  });

  it('answers HEAD with the head alone', async () => {
    await swapRecord(store.db, { expected: null, next: makeRecord() });
    const [get, head] = [await rest.runtimes('/g'), await rest.runtimes('/g', { method: 'HEAD' })];
    expect(head).to.include({ status: 200, text: '' });
    expect(head.headers['content-length']).to.equal(get.headers['content-length']);
    expect((await rest.runtimes('/nobody', { method: 'HEAD' })).status).to.equal(404);
  });

  it('knows one game of two whose ids differ in case only', async () => {
    await swapRecord(store.db, { expected: null, next: makeRecord({ gameId: 'G' }) });
    expect((await rest.runtimes('/g')).status).to.equal(404);
    expect((await rest.runtimes('/G')).status).to.equal(200);
  });

  it('does not know a game that was never started', async () => {
    const answer = await rest.runtimes('/nobody');
    expect([answer.status, errorCode(answer)]).to.deep.equal([404, 'not_found']);
    expect(errorMessage(answer)).to.include('nobody');
  });

  for (const id of [
    '%zz',
    '%',
    '%ff',
    '%c3%28',
    '..',
    '.hidden',
    '..%2f..',
    '..%2f..%2fetc%2fpasswd',
    'a%2fb',
    'a..b',
    'a%00',
    'a%0a',
    '%20',
    'a%20b',
    '-a',
    '%C3%A4',
    '%F0%9F%9A%80',
    "a'%20or%201=1",
    '%3Cscript%3E',
    'a'.repeat(129),
    'a'.repeat(8_000),
  ]) {
    it(`refuses the id ${id.slice(0, 30)}`, async () => {
      const answer = await rest.runtimes(`/${id}`);
      expect([answer.status, errorCode(answer)]).to.deep.equal([400, 'invalid_request']);
      expect(errorMessage(answer).length, 'what is said stays short').to.be.below(500);
    });
  }
});
