import { expect } from 'chai';
import { errorCode, errorMessage } from '../helpers/assert-contract.ts';
import { failing, makePlayedRunner, type PlayedRunner, succeeding } from '../helpers/played-runner.ts';
import { makeRestService, type RestService } from '../helpers/rest-service.ts';
import { makeStore, type Store } from '../helpers/store.ts';

const START = { image_ref: 'galaxy/game:1.4.2' };
const KEY = { 'idempotency-key': '6f9d2c1e-patch-game-7f3a' };
const LONG = { 'idempotency-key': `!${'~'.repeat(254)}` };

describe('an Idempotency-Key', () => {
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
    runner.end = (operation) => succeeding(store, operation);
    await store.clear();
  });

  const start = (headers: Record<string, string> = KEY, { game = 'g', body = START as unknown } = {}) =>
    rest.runtimes(`/${game}/start`, { method: 'POST', headers, body });
  const queued = async () => (await store.operations()).length;

  for (const headers of [KEY, LONG]) {
    it(`of ${headers['idempotency-key'].length} characters runs one request once, and is kept with it`, async () => {
      const [first, second] = [await start(headers), await start(headers)];
      expect([first.status, second.status]).to.deep.equal([200, 200]);
      expect(second.json).to.deep.equal(first.json);
      const [row, ...others] = await store.operations();
      expect(row).to.include({ source_ref: headers['idempotency-key'], status: 'finished' });
      expect(others).to.deep.equal([]);
    });
  }

  it('brings a failure back as it was, though it would succeed now', async () => {
    runner.end = () => failing('image_pull_failed', 'manifest unknown');
    const first = await start();
    runner.end = (operation) => succeeding(store, operation);
    const second = await start();
    expect(second.status).to.equal(502);
    expect(second.text).to.equal(first.text);
    expect(await queued()).to.equal(1);
  });

  it('brings a success back with the runtime as it is now', async () => {
    await start();
    await rest.runtimes('/g/stop', { method: 'POST', body: { reason: 'timeout' } });
    expect((await start()).json).to.include({ status: 'stopped' });
    expect(await queued()).to.equal(2);
  });

  it('names the operation that it brings back', async () => {
    const [first, second] = [await start(), await start()];
    const [row] = await store.operations();
    expect([first, second].map(({ headers }) => headers['operation-id'])).to.deep.equal(
      Array(2).fill(row?.operation_id),
    );
    expect((await start({})).headers['operation-id']).to.equal((await store.operations())[1]?.operation_id);
  });

  it('brings the outcome of what has ended also to those who would not wait', async () => {
    const asked = { ...KEY, prefer: 'respond-async' };
    await start();
    expect((await start(asked)).json).to.include({ status: 'running' });
    runner.end = () => failing('image_pull_failed', 'manifest unknown');
    const other = { ...asked, 'idempotency-key': 'other' };
    await start({ 'idempotency-key': 'other' });
    const again = await start(other);
    expect([again.status, errorCode(again)]).to.deep.equal([502, 'image_pull_failed']);
    expect(again.headers).not.to.have.property('preference-applied');
  });

  it('makes a repeat wait for the request that still runs', async () => {
    runner.end = null;
    const both = [start(), start()];
    await store.eventuallyQueued(1);
    const { operation_id: id } = (await start({ ...KEY, prefer: 'respond-async' })).json as {
      operation_id: string;
    };
    const mine = await runner.run('g', failing('conflict', 'as it ended'));
    expect(mine.operationId).to.equal(id);
    for (const answer of await Promise.all(both)) expect(errorMessage(answer)).to.equal('as it ended');
  });

  it('is one operation for twenty who come at once', async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => start()));
    expect(answers.map((answer) => answer.status)).to.deep.equal(Array(20).fill(200));
    expect(await queued()).to.equal(1);
  });

  it('leads to the same operation whenever it is asked not to wait', async () => {
    runner.end = null;
    const asked = { ...KEY, prefer: 'respond-async' };
    const [first, second] = [await start(asked), await start(asked)];
    expect([first.status, second.status]).to.deep.equal([202, 202]);
    expect(second.headers.location).to.equal(first.headers.location);
  });

  describe('is refused for another request:', () => {
    beforeEach(() => start());

    for (const [what, ask] of [
      ['another body', () => start(KEY, { body: { image_ref: 'galaxy/game:1.4.3' } })],
      ['another game', () => start(KEY, { game: 'other' })],
      ['another operation', () => rest.runtimes('/g/patch', { method: 'POST', headers: KEY, body: START })],
      ['no body', () => rest.runtimes('/g/restart', { method: 'POST', headers: KEY })],
      ['a cleanup', () => rest.runtimes('/g/container', { method: 'DELETE', headers: KEY })],
      ['the same without waiting', () => start({ ...KEY, prefer: 'respond-async' }, { game: 'other' })],
    ] as const) {
      it(what, async () => {
        const answer = await ask();
        expect([answer.status, errorCode(answer)]).to.deep.equal([409, 'conflict']);
        expect(errorMessage(answer)).to.include('Idempotency-Key');
        expect(await queued()).to.equal(1);
      });
    }
  });

  it('lets one of two different requests through that come at once', async () => {
    const answers = await Promise.all(
      ['a', 'b', 'c', 'd'].map((game) => start({ ...KEY, prefer: 'respond-async' }, { game })),
    );
    expect(answers.map((answer) => answer.status).toSorted()).to.deep.equal([202, 409, 409, 409]);
    expect(await queued()).to.equal(1);
  });

  it('takes a body that says the same in other characters for the same request', async () => {
    await start();
    const body = ' { "image_ref" : "galaxy\\/game:1.4.2" } ';
    const headers = { ...KEY, 'Content-Type': 'application/json' };
    expect((await start(headers, { body })).status).to.equal(200);
    const restart = (sent: unknown) =>
      rest.runtimes('/g/restart', { method: 'POST', headers: { 'idempotency-key': 'restart' }, body: sent });
    expect((await restart(undefined)).status).to.equal(200);
    expect((await restart({})).status).to.equal(200);
    expect(await queued()).to.equal(2);
  });

  it('of Game Master does not meet one of Admin Service, nor an entry of a stream', async () => {
    await store.queue({ sourceRef: KEY['idempotency-key'], gameId: 'other' });
    expect((await start({ ...KEY, 'x-galaxy-caller': 'admin' })).status).to.equal(200);
    expect((await start()).status).to.equal(200);
    expect(await queued()).to.equal(3);
  });

  it('that is not sent makes every request one of its own', async () => {
    await start({});
    await start({});
    expect(await queued()).to.equal(2);
  });
});
