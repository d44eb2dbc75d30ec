import { connect } from 'node:net';
import { hostname, networkInterfaces } from 'node:os';
import { expect } from 'chai';
import { listOperations } from '../../lib/contracts.ts';
import { errorCode, errorMessage } from '../helpers/assert-contract.ts';
import { exchange } from '../helpers/http-exchange.ts';
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

  it('refuses a request with two hosts, or with user information in its host', async () => {
    const { hostname: host, port } = new URL(closed.url);
    for (const hosts of ['Host: a\r\nHost: b', 'Host: user@localhost']) {
      const socket = connect(Number(port), host);
      socket.setEncoding('latin1').end(`GET /healthz HTTP/1.1\r\n${hosts}\r\nConnection: close\r\n\r\n`);
      let came = '';
      for await (const piece of socket) came += piece;
      expect(came)
        .to.match(/^HTTP\/1\.1 400 /)
        .and.to.include('"Host\\" must appear once');
    }
  });

  describe('called by the page of another site, without a token', () => {
    const restart = (headers: Record<string, string>) =>
      open.runtimes('/g/restart', { method: 'POST', headers: { prefer: 'respond-async', ...headers } });

    it('queues nothing', async () => {
      for (const headers of [
        { 'sec-fetch-site': 'cross-site' },
        { origin: 'https://evil.example' },
        { origin: 'null' },
      ]) {
        const answer = await restart(headers);
        expect([answer.status, errorCode(answer)]).to.deep.equal([401, 'unauthorized']);
      }
      expect(await store.operations()).to.deep.equal([]);
    });

    it('opens nothing for itself, such as streams until there is no place for more', async () => {
      for (const site of ['cross-site', 'same-site']) {
        for (const headers of [
          { 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty' },
          { 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'image' },
          { 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'iframe' },
          {},
        ]) {
          for (const path of ['', '/g/logs?follow=true']) {
            const answer = await open.runtimes(path, { headers: { 'sec-fetch-site': site, ...headers } });
            expect([answer.status, errorCode(answer)], JSON.stringify(headers)).to.deep.equal([
              401,
              'unauthorized',
            ]);
          }
        }
      }
    });

    it('may lead somebody here, and programs and its own pages do what they want', async () => {
      for (const headers of [
        {},
        { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' },
        { 'sec-fetch-site': 'same-origin', 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty' },
      ]) {
        expect((await open.runtimes('', { headers })).status, JSON.stringify(headers)).to.equal(200);
      }
      expect((await restart({})).status).to.equal(202);
      expect((await restart({ 'sec-fetch-site': 'same-origin', origin: open.url })).status).to.equal(202);
      for (const [host, origin] of [
        ['LOCALHOST', 'http://localhost'],
        ['localhost:80', 'http://localhost'],
        ['localhost', 'http://localhost:80'],
        ['localhost:443', 'https://localhost'],
      ] as const) {
        expect((await restart({ host, origin })).status, `${host} ${origin}`).to.equal(202);
      }
      await store.clear();
    });
  });

  describe('on loopback, without a token', () => {
    const port = () => new URL(open.url).port;
    const statusFor = async (host: string, path: string, at = open) =>
      (await at.ask(path, { headers: { host } })).status;

    it('answers under the names of this machine', async () => {
      for (const host of ['localhost', 'LocalHost:1', '127.0.0.1', `127.0.0.1:${port()}`, '[::1]:8096']) {
        expect(await statusFor(host, '/api/v1/internal/runtimes'), host).to.equal(200);
      }
    });

    it('answers under no other name, which a page may have led here', async () => {
      for (const host of [`evil.example:${port()}`, 'localhost.evil.example', 'rtm', '10.0.0.1']) {
        for (const path of [
          '/api/v1/internal/runtimes',
          '/api/v1/internal/nothing',
          '/metrics',
          '/admin/queues',
        ]) {
          const answer = await open.ask(path, { headers: { host } });
          expect([answer.status, errorCode(answer)], `${host}${path}`).to.deep.equal([401, 'unauthorized']);
        }
        const headers = { host, origin: `http://${host}`, prefer: 'respond-async' };
        expect((await open.runtimes('/g/restart', { method: 'POST', headers })).status, host).to.equal(401);
      }
      expect(await store.operations()).to.deep.equal([]);
    });

    it('answers probes under every name', async () => {
      expect(await statusFor('rtm', '/healthz')).to.equal(200);
      expect(await statusFor('rtm', '/readyz')).to.equal(200);
    });

    it('leaves names to the token where there is one', async () => {
      const headers = { host: 'rtm', authorization: `Bearer ${TOKEN}` };
      expect((await closed.runtimes('', { headers })).status).to.equal(200);
    });
  });

  describe('on a trusted network, without a token', () => {
    const served = async (hosts?: string[]) =>
      makeRestService({ db: store.db, http: { listen: { host: undefined, port: 0 }, hosts } });
    const statusFor = async (at: RestService, host: string) =>
      (await at.runtimes('', { headers: { host } })).status;

    it('starts no game under a name that a page led here (DNS rebinding)', async () => {
      const everywhere = await served();
      try {
        const host = `evil.example:${new URL(everywhere.url).port}`;
        const answer = await everywhere.runtimes('/g/start', {
          method: 'POST',
          headers: {
            host,
            origin: `http://${host}`,
            'sec-fetch-site': 'same-origin',
            prefer: 'respond-async',
          },
          body: { image_ref: 'x:1' },
        });
        expect([answer.status, errorCode(answer)]).to.deep.equal([401, 'unauthorized']);
        expect(errorMessage(answer)).to.include('RTMANAGER_INTERNAL_HTTP_HOSTS');
        expect(await store.operations()).to.deep.equal([]);
      } finally {
        await everywhere.close();
      }
    });

    it("answers under this machine's names and the address that the connection came to", async () => {
      const everywhere = await served();
      const { port } = new URL(everywhere.url);
      try {
        for (const host of ['localhost', `${hostname().toUpperCase()}:${port}`, '127.0.0.1', '[::1]:1']) {
          expect(await statusFor(everywhere, host), host).to.equal(200);
        }
        const addresses = Object.values(networkInterfaces()).flat();
        for (const { address, family } of addresses.filter((one) => one !== undefined)) {
          if (family !== 'IPv4') continue;
          const { status } = await exchange(`http://${address}:${port}`, '/api/v1/internal/runtimes');
          expect(status, address).to.equal(200);
        }
        for (const host of ['10.9.8.7', 'rtm', '']) {
          expect(await statusFor(everywhere, host), host).to.equal(401);
        }
      } finally {
        await everywhere.close();
      }
    });

    it('answers under the configured names only', async () => {
      const named = await served(['rtm', '10.9.8.7']);
      try {
        for (const host of ['rtm', 'RTM:8096', '10.9.8.7'])
          expect(await statusFor(named, host)).to.equal(200);
        for (const host of ['localhost', '127.0.0.1', 'rtm.evil.example']) {
          expect(await statusFor(named, host), host).to.equal(401);
        }
      } finally {
        await named.close();
      }
    });
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

    it('lets nobody in with two headers, whichever comes first', async () => {
      const [right, wrong] = [`Bearer ${TOKEN}`, 'Bearer wrong'];
      for (const authorization of [
        [right, wrong],
        [wrong, right],
        [right, right],
      ]) {
        expect((await closed.runtimes('', { headers: { Authorization: authorization } })).status).to.equal(
          401,
        );
      }
    });

    it('guards every operation but healthz and readyz, whatever else is wrong with the request', async () => {
      for (const { operationId, method, path, secured } of listOperations()) {
        if (!secured) continue;
        const asked = path.replaceAll(/\{\w+\}/g, 'a..b');
        const answer = await closed.ask(asked, { method: method.toUpperCase() });
        expect(answer.status, operationId).to.equal(401);
      }
    });

    it('lets nobody in without the header, nor by the query', async () => {
      expect((await closed.runtimes()).status).to.equal(401);
      expect((await closed.runtimes(`?access_token=${TOKEN}`)).status).to.equal(401);
    });

    it('asks for it before anything else is looked at', async () => {
      for (const path of ['?limit=0', '/a..b', '/nobody', '/%zz', '/%zz/start', '/g/nothing']) {
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

  describe('refuses query parameters that the operation does not have', () => {
    for (const [method, path, name] of [
      ['GET', '/nobody', 'x'],
      ['HEAD', '/nobody', 'x'],
      ['POST', '/g/restart', 'force'],
      ['DELETE', '/g/container', 'dry_run'],
      ['GET', '/g/operations', 'status'],
      ['GET', '', 'game_id'],
    ] as const) {
      it(`${method} /runtimes${path}?${name}=true`, async () => {
        const answer = await open.runtimes(`${path}?${name}=true`, { method });
        expect(answer.status).to.equal(400);
        if (method !== 'HEAD') {
          expect(errorCode(answer)).to.equal('invalid_request');
          expect(errorMessage(answer)).to.include(`query parameter "${name}" is unknown`);
        }
        expect(await store.operations()).to.deep.equal([]);
      });
    }

    it('GET /operations/{operation_id}?game_id=g', async () => {
      const answer = await open.ask('/api/v1/internal/operations/nobody?game_id=g');
      expect([answer.status, errorCode(answer)]).to.deep.equal([400, 'invalid_request']);
    });

    it('but not of healthz, which probes ask in their own ways', async () => {
      expect((await open.ask('/healthz?probe=1')).status).to.equal(200);
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

    it('lets nobody on the way keep an answer of the API', async () => {
      for (const path of ['', '/nobody', '?limit=0']) {
        expect((await open.runtimes(path)).headers['cache-control'], path).to.equal('no-store');
      }
      expect((await closed.runtimes()).headers['cache-control']).to.equal('no-store');
    });

    it('does not tell what it is made of', async () => {
      const { headers } = await open.runtimes();
      expect(headers).not.to.have.any.keys('x-powered-by', 'server', 'etag');
    });
  });
});
