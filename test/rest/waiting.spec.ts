import { expect } from 'chai';
import type { DatabasePool } from 'slonik';
import { makePool } from '../../sql/pool.ts';
import { swapRecord } from '../../sql/runtime-records.ts';
import { errorCode } from '../helpers/assert-contract.ts';
import { eventually } from '../helpers/eventually.ts';
import { rejectionOf } from '../helpers/failure-of.ts';
import { makePlayedRunner, type PlayedRunner } from '../helpers/played-runner.ts';
import { makeRecord } from '../helpers/records.ts';
import { makeRestService, type RestService } from '../helpers/rest-service.ts';
import { makeStore, type Store } from '../helpers/store.ts';
import { makePostgresProxy } from '../helpers/tcp-proxy.ts';

const LONG_MS = 3_600_000;

describe('waiting for an operation', () => {
  let store: Store;
  let runner: PlayedRunner;
  const services: RestService[] = [];

  before(async function () {
    // The first suite of a run waits for PostgreSQL's container.
    this.timeout(60_000);
    store = await makeStore();
    runner = makePlayedRunner(store);
  });
  after(() => store?.destroy());
  beforeEach(async () => {
    await store.clear();
    await swapRecord(store.db, { expected: null, next: makeRecord() });
  });
  afterEach(async () => {
    for (const rest of services.splice(0)) await rest.close();
  });

  const open = async (options: Partial<Parameters<typeof makeRestService>[0]> = {}) => {
    const rest = await makeRestService({ db: store.db, waitMs: LONG_MS, ...options });
    services.push(rest);
    return rest;
  };
  const stop = (rest: RestService, options: Parameters<RestService['ask']>[1] = {}) =>
    rest.runtimes('/g/stop', { method: 'POST', body: { reason: 'timeout' }, ...options });
  const idOf = async () => (await store.operations())[0]?.operation_id;

  describe('is left out by', () => {
    for (const prefer of [
      'respond-async',
      'Respond-Async',
      'wait=10, respond-async',
      'handling=lenient,respond-async;q=1',
      'respond-async ; x="a,b"',
      'foo="a, b\\", c", respond-async',
      'respond-async=""',
      ['wait=5', 'respond-async'],
    ]) {
      it(`Prefer: ${String(prefer)}`, async () => {
        const answer = await stop(await open(), { headers: { Prefer: prefer } });
        expect(answer.status).to.equal(202);
        expect(answer.headers['preference-applied']).to.equal('respond-async');
        expect(answer.headers.location).to.equal(`/api/v1/internal/operations/${await idOf()}`);
        expect(answer.json).to.include({ operation_id: await idOf(), status: 'queued', outcome: null });
      });
    }
  });

  describe('is not left out by', () => {
    for (const prefer of [
      '',
      'wait=10',
      'respond-asynchronously',
      'x-respond-async',
      'foo="a, respond-async"',
    ]) {
      it(`Prefer: ${prefer}`, async () => {
        const answer = await stop(await open({ wake: async () => void runner.run('g') }), {
          headers: { Prefer: prefer },
        });
        expect(answer.status).to.equal(200);
        expect(answer.headers).not.to.have.property('preference-applied');
      });
    }
  });

  it('ends when its time is over, with the operation as it stands then', async () => {
    const rest = await open({ waitMs: 200, wake: async () => void (await store.claim('g')) });
    const answer = await stop(rest);
    expect(answer.status).to.equal(202);
    expect(answer.headers).not.to.have.property('preference-applied');
    expect(answer.json).to.include({ operation_id: await idOf(), status: 'running', attempt: 1 });
  });

  it('does not begin where its time is none, and what has ended is answered all the same', async () => {
    const rest = await open({ waitMs: 0 });
    const headers = { 'idempotency-key': 'k' };
    expect((await stop(rest, { headers })).status).to.equal(202);
    await runner.run('g');
    expect((await stop(rest, { headers })).status).to.equal(200);
  });

  it('sees what another replica ends', async () => {
    const answer = stop(await open());
    await store.eventuallyQueued(1);
    await runner.run('g');
    expect((await answer).status).to.equal(200);
  });

  it('ends with its client, and the operation goes on', async () => {
    let looks = 0;
    const any: DatabasePool['any'] = (query) => {
      looks += 1;
      return store.db.any(query);
    };
    const rest = await open({ db: { ...store.db, any } });
    const leaving = new AbortController();
    const left = rejectionOf(stop(rest, { signal: leaving.signal }));
    await eventually(() => looks > 1, { what: 'somebody to wait' });
    leaving.abort();
    await left;
    let before = -1;
    const nobodyLooks = () => {
      const still = looks === before;
      before = looks;
      return still;
    };
    await eventually(nobodyLooks, { what: 'nobody to wait', intervalMs: 250 });
    await runner.run('g');
    expect((await store.operations())[0]).to.include({ status: 'finished', outcome: 'success' });
    expect(rest.log.lines).to.deep.equal([]);
  });

  it('ends with its replica, for those who wait and those who come later', async () => {
    const rest = await open();
    const waiting = stop(rest);
    await store.eventuallyQueued(1);
    rest.outcomes.close();
    expect((await waiting).status).to.equal(202);
    expect((await waiting).headers['retry-after']).to.equal('1');
    expect((await stop(rest)).status).to.equal(202);
  });

  for (const [what, wake] of [
    ['takes no jobs', () => Promise.reject(new Error('Redis is away'))],
    ['does not answer', () => new Promise<void>(() => {})],
  ] as const) {
    it(`goes on while Redis ${what}`, async () => {
      const rest = await open({ wake });
      const answer = stop(rest);
      await store.eventuallyQueued(1);
      await runner.run('g');
      expect((await answer).status).to.equal(200);
      const told = rest.log.lines.map(({ level, fields }) => [level, fields.game_id]);
      expect(told).to.deep.equal(what === 'takes no jobs' ? [['warn', 'g']] : []);
    });
  }

  describe('while PostgreSQL is away', () => {
    const openThrough = async (waitMs: number) => {
      const proxy = await makePostgresProxy(store.dsn);
      const db = await makePool({ dsn: proxy.dsn, max: 2, name: 'test-rest' });
      const rest = await open({ db, waitMs });
      return {
        proxy,
        rest,
        async [Symbol.asyncDispose]() {
          await rest.close();
          await db.end();
          await proxy.close();
        },
      };
    };

    it('goes on, and ends when PostgreSQL is back and so is the operation', async () => {
      await using side = await openThrough(LONG_MS);
      const answer = stop(side.rest);
      await store.eventuallyQueued(1);
      await side.proxy.close();
      await eventually(() => side.rest.log.lines.length > 0, { what: 'the outage to be noticed' });
      await runner.run('g');
      await side.proxy.open();
      expect((await answer).status).to.equal(200);
      expect(side.rest.log.lines.map((line) => line.level)).to.deep.equal(['warn']);
    });

    it('ends with the operation as it was accepted, when its time is over', async () => {
      await using side = await openThrough(500);
      const answer = stop(side.rest);
      await store.eventuallyQueued(1);
      await side.proxy.close();
      expect((await answer).status).to.equal(202);
      expect((await answer).json).to.include({ operation_id: await idOf(), status: 'queued' });
    });

    it('is not begun: what was not accepted is refused', async () => {
      await using side = await openThrough(LONG_MS);
      await side.proxy.close();
      const answer = await stop(side.rest);
      expect([answer.status, errorCode(answer)]).to.deep.equal([503, 'service_unavailable']);
      expect(await store.operations()).to.deep.equal([]);
    });

    it('may be begun without its client knowing: the same key finds the operation again', async () => {
      await using side = await openThrough(0);
      const headers = { 'idempotency-key': 'k' };
      side.proxy.loseAnswerTo('COMMIT');
      const lost = await stop(side.rest, { headers });
      expect([lost.status, errorCode(lost)]).to.deep.equal([503, 'service_unavailable']);
      const found = await stop(side.rest, { headers });
      expect(found.status).to.equal(202);
      expect(found.json).to.include({ operation_id: await idOf() });
      expect(await store.operations()).to.have.length(1);
    });
  });
});
