import { expect } from 'chai';
import { errorCode, errorMessage } from '../helpers/assert-contract.ts';
import { makeRestService, type RestService } from '../helpers/rest-service.ts';
import { makeStore, type Store } from '../helpers/store.ts';

const TOKEN = 'correct-horse-battery-staple';

describe('the REST API', () => {
  let store: Store;
  let open: RestService;
  let closed: RestService;

  before(async function () {
    // The first suite of a run waits for PostgreSQL's container.
    this.timeout(60_000);
    store = await makeStore();
    open = await makeRestService({ db: store.db });
    closed = await makeRestService({ db: store.db, token: TOKEN });
  });
  after(async () => {
    await open?.close();
    await closed?.close();
    await store?.destroy();
  });

  describe('with a token', () => {
    const withHeader = (authorization: string) => closed.runtimes('', { headers: { authorization } });

    for (const authorization of [
      `Bearer ${TOKEN}`,
      `bearer ${TOKEN}`,
      `BEARER ${TOKEN}`,
      `Bearer   ${TOKEN}`,
    ]) {
      it(`lets "${authorization.replace(TOKEN, '…')}" in`, async () => {
        expect((await withHeader(authorization)).status).to.equal(200);
      });
    }

    for (const [what, authorization] of [
      ['an empty one', ''],
      ['none behind the scheme', 'Bearer'],
      ['a blank one', 'Bearer  '],
      ['a wrong one of the same length', `Bearer ${TOKEN.replace('c', 'C')}`],
      ['a shorter one', `Bearer ${TOKEN.slice(0, -1)}`],
      ['a longer one', `Bearer ${TOKEN}x`],
      ['a very long one', `Bearer ${'x'.repeat(4_000)}`],
      ['two', `Bearer ${TOKEN} ${TOKEN}`],
      ['the right one without a scheme', TOKEN],
      ['the right one in another scheme', `Basic ${TOKEN}`],
      ['the right one behind another scheme', `Basic x, Bearer ${TOKEN}`],
    ] as const) {
      it(`lets nobody in with ${what}`, async () => {
        const answer = await withHeader(authorization);
        expect([answer.status, errorCode(answer)]).to.deep.equal([401, 'unauthorized']);
        expect(answer.headers['www-authenticate']).to.equal('Bearer');
        expect(answer.text).not.to.include(TOKEN);
      });
    }

    it('lets nobody in without the header, nor by the query', async () => {
      expect((await closed.runtimes()).status).to.equal(401);
      expect((await closed.runtimes(`?access_token=${TOKEN}`)).status).to.equal(401);
    });

    it('asks for it before anything else is looked at', async () => {
      for (const path of ['?limit=0', '/a..b', '/nobody']) {
        expect((await closed.runtimes(path)).status, path).to.equal(401);
      }
      const headers = { 'x-galaxy-caller': 'nobody' };
      expect((await closed.runtimes('', { headers })).status).to.equal(401);
    });

    it('tells strangers nothing of what there is', async () => {
      for (const path of ['/', '/admin', '/api/v1/internal/nothing', '/api/v1/internal/runtimes/a/b/c']) {
        expect((await closed.ask(path)).status, path).to.equal(401);
      }
      for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS']) {
        const answer = await closed.runtimes('', { method });
        expect(answer.status, method).to.equal(401);
        expect(answer.headers, method).not.to.have.property('allow');
      }
    });

    it('leaves healthz and readyz open', async () => {
      expect((await closed.ask('/healthz')).json).to.deep.equal({ status: 'ok' });
      expect((await closed.ask('/readyz')).status).to.equal(200);
      expect((await closed.ask('/healthz', { method: 'POST' })).status).to.equal(405);
    });
  });

  it('asks for no token where none is configured', async () => {
    expect((await open.runtimes()).status).to.equal(200);
    expect((await open.runtimes('', { headers: { authorization: 'Bearer anything' } })).status).to.equal(200);
  });

  describe('by X-Galaxy-Caller', () => {
    for (const caller of ['gm', 'admin']) {
      it(`knows ${caller}`, async () => {
        expect((await open.runtimes('', { headers: { 'x-galaxy-caller': caller } })).status).to.equal(200);
      });
    }

    for (const caller of ['', 'GM', 'lobby', 'gm,admin', 'gm admin', ['gm', 'admin']]) {
      it(`does not know ${JSON.stringify(caller)}`, async () => {
        for (const path of ['', '/nobody']) {
          const answer = await open.runtimes(path, { headers: { 'X-Galaxy-Caller': caller } });
          expect([answer.status, errorCode(answer)]).to.deep.equal([400, 'invalid_request']);
          expect(errorMessage(answer)).to.include('X-Galaxy-Caller').and.include('gm, admin');
        }
      });
    }

    it('does not care on the way to healthz', async () => {
      const headers = { 'x-galaxy-caller': 'kubelet' };
      expect((await open.ask('/healthz', { headers })).status).to.equal(200);
    });
  });

  describe('knows its paths and methods', () => {
    for (const path of [
      '/',
      '/api',
      '/api/v1/internal',
      '/api/v1/runtimes',
      '/api/v2/internal/runtimes',
      '/api/v1/internal/runtimes/a/b/c',
      '/favicon.ico',
      '/healthz/x',
      '/%2e%2e/etc/passwd',
    ]) {
      it(`answers not_found for ${path}`, async () => {
        const answer = await open.ask(path);
        expect([answer.status, errorCode(answer)]).to.deep.equal([404, 'not_found']);
      });
    }

    for (const [path, methods] of [
      ['/api/v1/internal/runtimes', ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']],
      ['/api/v1/internal/runtimes/game-1', ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']],
      ['/healthz', ['POST', 'OPTIONS', 'DELETE']],
      ['/readyz', ['POST', 'OPTIONS', 'DELETE']],
    ] as const) {
      it(`names the methods of ${path} to whoever tries another`, async () => {
        for (const method of methods) {
          const answer = await open.ask(path, { method });
          expect([answer.status, errorCode(answer)], method).to.deep.equal([405, 'invalid_request']);
          expect(answer.headers.allow, method).to.equal('GET, HEAD');
        }
      });
    }

    it('answers HEAD as GET, without a body', async () => {
      for (const path of ['/api/v1/internal/runtimes', '/healthz', '/readyz']) {
        expect(await open.ask(path, { method: 'HEAD' }), path).to.include({ status: 200, text: '' });
      }
    });

    it('does not tell what it is made of', async () => {
      const { headers } = await open.runtimes();
      expect(headers).not.to.have.any.keys('x-powered-by', 'server', 'etag');
    });
  });
});
