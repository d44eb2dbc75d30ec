import { expect } from 'chai';
import { ERROR_RULES } from '../../lib/errors.ts';
import { swapRecord } from '../../sql/runtime-records.ts';
import { errorCode, errorMessage } from '../helpers/assert-contract.ts';
import { failing, makePlayedRunner, type PlayedRunner, succeeding } from '../helpers/played-runner.ts';
import { makeRecord } from '../helpers/records.ts';
import { makeRestService, type RestService } from '../helpers/rest-service.ts';
import { makeStore, type Store } from '../helpers/store.ts';

const IMAGE = 'registry.example.com/galaxy/game:1.4.2';

/** Every mutation: how it is asked for, and the row that it becomes. */
const MUTATIONS = [
  ['start', 'POST', '/start', { image_ref: IMAGE }, { op_kind: 'start', image_ref: IMAGE, reason: null }],
  ['stop', 'POST', '/stop', { reason: 'timeout' }, { op_kind: 'stop', image_ref: null, reason: 'timeout' }],
  ['restart', 'POST', '/restart', {}, { op_kind: 'restart', image_ref: null, reason: null }],
  ['patch', 'POST', '/patch', { image_ref: IMAGE }, { op_kind: 'patch', image_ref: IMAGE, reason: null }],
  [
    'cleanup',
    'DELETE',
    '/container',
    undefined,
    { op_kind: 'cleanup_container', image_ref: null, reason: null },
  ],
] as const;

describe('a mutation', () => {
  let store: Store;
  let runner: PlayedRunner;
  let rest: RestService;

  before(async function () {
    // The first suite of a run waits for PostgreSQL's container.
    this.timeout(60_000);
    store = await makeStore();
    runner = makePlayedRunner(store);
    rest = await makeRestService({ db: store.db, wake: runner.wake });
  });
  after(async () => {
    await rest?.close();
    await store?.destroy();
  });
  beforeEach(async () => {
    runner.end = null;
    await store.clear();
  });

  const start = (headers = {}, body: unknown = { image_ref: IMAGE }) =>
    rest.runtimes('/g/start', { method: 'POST', headers, body });

  for (const [what, method, below, body, row] of MUTATIONS) {
    it(`queues a ${what} behind what the game has to do already`, async () => {
      await store.queue({ sourceRef: 'before' });
      const beganMs = Date.now();
      const answer = await rest.runtimes(`/g${below}`, {
        method,
        body,
        headers: { prefer: 'respond-async' },
      });
      expect(answer.status).to.equal(202);
      const [first, queued] = await store.operations();
      expect(first).to.include({ source_ref: 'before' });
      expect(queued).to.include({
        ...row,
        game_id: 'g',
        op_source: 'gm_rest',
        source_ref: null,
        status: 'queued',
        attempt: 0,
      });
      expect(Number(queued?.requested_at)).to.be.within(beganMs, Date.now());
      const id = String(queued?.operation_id);
      expect(answer.headers.location).to.equal(`/api/v1/internal/operations/${id}`);
      expect(answer.json).to.include({ operation_id: id, seq: Number(queued?.seq), status: 'queued' });
    });

    it(`answers the runtime when the ${what} has succeeded`, async () => {
      await swapRecord(store.db, { expected: null, next: makeRecord() });
      runner.end = (operation) => succeeding(store, operation);
      const answer = await rest.runtimes(`/g${below}`, { method, body });
      expect(answer.status).to.equal(200);
      expect(answer.json).to.include({ game_id: 'g', status: what === 'stop' ? 'stopped' : 'running' });
      expect(answer.json).to.deep.equal((await rest.runtimes('/g')).json);
    });
  }

  it('answers a replay as any other success', async () => {
    await swapRecord(store.db, { expected: null, next: makeRecord() });
    runner.end = () => ({ outcome: { errorCode: 'replay_no_op' } });
    expect((await start()).status).to.equal(200);
  });

  for (const code of [
    'conflict',
    'start_config_invalid',
    'image_pull_failed',
    'docker_unavailable',
  ] as const) {
    it(`answers the ${code} that its operation ended with, in its words`, async () => {
      runner.end = () => failing(code, 'in these words');
      const answer = await start();
      expect(answer.status).to.equal(ERROR_RULES[code].http);
      expect(answer.json).to.deep.equal({ error: { code, message: 'in these words' } });
      expect(rest.log.lines, 'the runner has logged it').to.deep.equal([]);
    });
  }

  it('answers something about a failure that a newer version recorded without a word', async () => {
    runner.end = () => failing('code_of_tomorrow', null);
    const answer = await start();
    expect([answer.status, errorCode(answer)]).to.deep.equal([500, 'internal_error']);
    expect(errorMessage(answer)).to.include('code_of_tomorrow');
  });

  for (const [caller, source] of [
    [undefined, 'gm_rest'],
    ['gm', 'gm_rest'],
    ['admin', 'admin_rest'],
  ] as const) {
    it(`notes ${source} when ${caller ?? 'nobody'} is named as its caller`, async () => {
      const headers = { prefer: 'respond-async', ...(caller ? { 'x-galaxy-caller': caller } : {}) };
      expect((await start(headers)).json).to.include({ op_source: source });
    });
  }

  it('is queued for an image reference that only its operation can judge', async () => {
    const digest = `sha256:${'a'.repeat(64)}`;
    for (const image of [
      `galaxy/game@${digest}`,
      `registry.example.com:5000/galaxy/game:1.4.2@${digest}`,
      'registry:5000/galaxy/game',
      'Galaxy/GAME:1',
      'no reference at all',
      `${'a'.repeat(4_096)}`,
    ]) {
      const answer = await start({ prefer: 'respond-async' }, { image_ref: image });
      expect(answer.json).to.include({ image_ref: image });
    }
  });

  describe('is refused before anything is queued', () => {
    afterEach(async () => {
      expect(await store.operations()).to.deep.equal([]);
    });

    for (const id of ['..', '%2e%2e', '..%2f..%2fetc', 'a..b', '.a', 'a%00', '%zz', 'a'.repeat(129)]) {
      it(`for the game ${id.slice(0, 20)}`, async () => {
        for (const [, method, below, body] of MUTATIONS) {
          const answer = await rest.runtimes(`/${id}${below}`, { method, body });
          expect([answer.status, errorCode(answer)], below).to.deep.equal([400, 'invalid_request']);
        }
      });
    }

    for (const path of ['/../start', '/../../start', '/a/../start', '/%2e%2e/%2e%2e/start', '//start']) {
      it(`on the path ${path}`, async () => {
        const answer = await rest.runtimes(path, { method: 'POST', body: { image_ref: IMAGE } });
        expect(answer.status).to.be.oneOf([400, 404, 405]);
      });
    }

    for (const [name, value] of [
      ['X-Galaxy-Caller', 'lobby'],
      ['X-Galaxy-Caller', ['gm', 'admin']],
      ['Idempotency-Key', ''],
      ['Idempotency-Key', 'a b'],
      ['Idempotency-Key', 'a'.repeat(256)],
      ['Idempotency-Key', ['a', 'b']],
      ['Idempotency-Key', 'ä'],
    ] as const) {
      it(`for ${name}: ${String(value).slice(0, 20)}`, async () => {
        for (const [, method, below, body] of MUTATIONS) {
          const headers = { [name]: value as string };
          const answer = await rest.runtimes(`/g${below}`, { method, body, headers });
          expect([answer.status, errorCode(answer)], below).to.deep.equal([400, 'invalid_request']);
          expect(errorMessage(answer)).to.include(name);
        }
      });
    }

    it('by a method that its path does not have', async () => {
      for (const [, method, below] of MUTATIONS) {
        for (const other of [
          'GET',
          'HEAD',
          'PUT',
          'PATCH',
          'OPTIONS',
          method === 'POST' ? 'DELETE' : 'POST',
        ]) {
          const answer = await rest.runtimes(`/g${below}`, { method: other });
          expect([answer.status, answer.headers.allow], `${other} ${below}`).to.deep.equal([405, method]);
        }
      }
    });

    it('in this order: token, headers, game, body', async () => {
      const closed = await makeRestService({ db: store.db, token: 'correct-horse' });
      try {
        const ask = (headers: Record<string, string>, path = '/a..b/start') =>
          closed.runtimes(path, { method: 'POST', body: '{', headers });
        const authorization = 'Bearer correct-horse';
        expect((await ask({ 'x-galaxy-caller': 'x' })).status).to.equal(401);
        expect(errorMessage(await ask({ authorization, 'x-galaxy-caller': 'x' }))).to.include('Caller');
        expect(errorMessage(await ask({ authorization }))).to.include('game_id');
        expect(errorMessage(await ask({ authorization }, '/g/start'))).to.include('body');
      } finally {
        await closed.close();
      }
    });
  });
});
