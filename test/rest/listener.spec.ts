import { readFile, writeFile } from 'node:fs/promises';
import type { RequestListener } from 'node:http';
import { connect, type Socket } from 'node:net';
import { expect } from 'chai';
import express from 'express';
import { makeSchemaValidator } from '../../lib/contracts.ts';
import { type Listener, openListener } from '../../openapi/listener.ts';
import { makeBodyReader } from '../../openapi/read-body.ts';
import { eventually } from '../helpers/eventually.ts';
import { rejectionOf } from '../helpers/failure-of.ts';
import { exchange } from '../helpers/http-exchange.ts';
import { makeMemoryLogger } from '../helpers/memory-logger.ts';
import { makeHttpConfig } from '../helpers/rest-service.ts';
import { makeTlsFiles, type TlsFiles } from '../helpers/tls-files.ts';

/** Limits that a test can wait for. */
const impatient = { handshakeMs: 150, headersMs: 150, requestMs: 300, checkMs: 25 };
const HEAD = 'GET / HTTP/1.1\r\nHost: rtm\r\n';

/** All that came is one answer, and that is the contract's envelope. */
function expectRefusal(came: string, status: number): void {
  const [head = '', body = ''] = came.split('\r\n\r\n');
  expect(head).to.match(new RegExp(`^HTTP/1\\.1 ${status} `));
  expect(head).to.include('Content-Type: application/json').and.to.include(`Content-Length: ${body.length}`);
  expect(makeSchemaValidator('Error')(JSON.parse(body))).to.deep.equal({ ok: true });
}

describe('the listener', () => {
  let files: TlsFiles;
  let listener: Listener | undefined;
  const sockets: Socket[] = [];

  before(async () => {
    files = await makeTlsFiles();
  });
  after(() => files?.remove());
  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    await listener?.close(0);
    listener = undefined;
  });

  const hello: RequestListener = (_request, response) => void response.end('hello');
  const tls = () => ({ tlsCertFile: files.cert, tlsKeyFile: files.key });
  const open = async (
    app = hello,
    given: Parameters<typeof makeHttpConfig>[0] = {},
    patience?: Parameters<typeof openListener>[2],
  ) => {
    listener = await openListener(makeHttpConfig(given), app, patience);
    return listener;
  };

  /** A connection made by hand; `ended` resolves with all that came when the other side has closed it. */
  const dial = async ({ url }: Listener, text = '') => {
    const { hostname, port } = new URL(url);
    const socket = connect(Number(port), hostname);
    sockets.push(socket);
    socket.on('error', () => {}); // a reset is one way to be closed
    let came = '';
    socket.setEncoding('latin1').on('data', (chunk: string) => {
      came += chunk;
    });
    const ended = new Promise<string>((resolve) => socket.once('close', () => resolve(came)));
    await new Promise<void>((resolve) => socket.once('connect', resolve));
    if (text !== '') await new Promise<void>((resolve) => socket.write(text, () => resolve()));
    return { socket, ended };
  };

  describe('answers', () => {
    it('at the address that it names, also on IPv6 and on every interface', async () => {
      for (const [host, url] of [
        ['127.0.0.1', /^http:\/\/127\.0\.0\.1:\d+$/],
        ['::1', /^http:\/\/\[::1\]:\d+$/],
        [undefined, /^http:\/\/\[::\]:\d+$/],
      ] as const) {
        const opened = await open(hello, { listen: { host, port: 0 } });
        expect(opened.url).to.match(url);
        expect((await exchange(opened.url, '/')).text).to.equal('hello');
        await opened.close(0);
      }
    });

    it('with TLS, by its certificate', async () => {
      const { url } = await open(hello, tls());
      expect(url).to.match(/^https:/);
      expect((await exchange(url, '/', { tls: { ca: files.authority.cert } })).text).to.equal('hello');
      expect((await rejectionOf(exchange(url, '/'))).message).to.match(/certificate/);
    });

    it('nobody who offers TLS 1.2 without forward secrecy or authenticated encryption', async () => {
      const { url } = await open(hello, tls());
      const ca = files.authority.cert;
      for (const [ciphers, isAccepted] of [
        ['ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES128-GCM-SHA256', true],
        ['AES128-GCM-SHA256', false],
        ['AES128-SHA', false],
        ['ECDHE-RSA-AES128-SHA:ECDHE-ECDSA-AES128-SHA', false],
      ] as const) {
        const asked = exchange(url, '/', { tls: { ca, ciphers, maxVersion: 'TLSv1.2' } });
        if (isAccepted) expect((await asked).text).to.equal('hello');
        else await rejectionOf(asked);
      }
    });

    it('with a new certificate when its files change, and with the old one while they cannot be used', async () => {
      const next = await makeTlsFiles();
      const log = makeMemoryLogger();
      listener = await openListener(makeHttpConfig(tls()), hello, undefined, { log, everyMs: 20 });
      const { url } = listener;
      try {
        await writeFile(files.key, 'no key');
        await eventually(() => log.lines.some(({ level }) => level === 'error'), {
          what: 'the failure in the log',
        });
        expect((await exchange(url, '/', { tls: { ca: files.authority.cert } })).text).to.equal('hello');
        await writeFile(files.cert, await readFile(next.cert));
        await writeFile(files.key, await readFile(next.key));
        const renewed = () => exchange(url, '/', { tls: { ca: next.authority.cert } });
        await eventually(async () => (await renewed().catch(() => undefined))?.text === 'hello', {
          what: 'the new certificate',
        });
      } finally {
        await next.remove();
        files = await makeTlsFiles();
      }
    });

    it('nobody in clear text where there is TLS', async () => {
      const { url } = await open(hello, tls());
      await rejectionOf(exchange(url.replace('https', 'http'), '/'));
    });

    it('with mutual TLS, only those who show a certificate of the authority', async () => {
      const { url } = await open(hello, { ...tls(), tlsClientCaFile: files.clientCa });
      const ca = files.authority.cert;
      expect((await exchange(url, '/', { tls: { ca, ...files.client } })).text).to.equal('hello');
      await rejectionOf(exchange(url, '/', { tls: { ca } }));
      await rejectionOf(exchange(url, '/', { tls: { ca, ...files.stranger } }));
    });
  });

  describe('waits for no client for ever:', () => {
    for (const [what, text] of [
      ['one that says nothing', ''],
      ['one that begins its head', HEAD],
      [
        'one that sends its body drop by drop',
        `POST / HTTP/1.1\r\nHost: rtm\r\nContent-Length: 9\r\n\r\nabc`,
      ],
    ] as const) {
      it(what, async () => {
        const reads: RequestListener = (request, response) => {
          request.resume().on('end', () => response.end('hello'));
        };
        const { ended } = await dial(await open(reads, {}, impatient), text);
        expectRefusal(await ended, 408);
      });
    }

    for (const [what, text] of [
      ['one that never begins its handshake', ''],
      ['one that stops in the middle of it', '\x16\x03\x01\x02\x00'],
    ] as const) {
      it(what, async () => {
        const { ended } = await dial(await open(hello, tls(), impatient), text);
        expect(await ended).to.equal('');
      });
    }

    it('and serves the others meanwhile', async () => {
      const opened = await open();
      for (let count = 0; count < 50; count += 1) await dial(opened, HEAD);
      expect((await exchange(opened.url, '/')).text).to.equal('hello');
    });
  });

  describe('refuses what is too much:', () => {
    for (const [what, text, status] of [
      ['a URL of 20 kB', `GET /${'a'.repeat(20_000)} HTTP/1.1\r\nHost: rtm\r\n\r\n`, 431],
      ['a header of 20 kB', `${HEAD}X-Long: ${'a'.repeat(20_000)}\r\n\r\n`, 431],
      ['a head without an end', `${HEAD}${'X-Many: a\r\n'.repeat(5_000)}`, 431],
      ['what is no HTTP', 'EHLO rtm\r\n\r\n', 400],
      ['a tunnel', 'CONNECT elsewhere:443 HTTP/1.1\r\nHost: elsewhere:443\r\n\r\n', 405],
      ['two lengths', `POST / HTTP/1.1\r\nHost: rtm\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n`, 400],
      ['a length and chunks', `${HEAD}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 400],
    ] as const) {
      it(what, async () => {
        const { ended } = await dial(await open(), text);
        expectRefusal(await ended, status);
        expect((await exchange(listener?.url ?? '', '/')).text).to.equal('hello');
      });
    }
  });

  for (const [what, head] of [
    ['no host', 'GET / HTTP/1.1\r\n'],
    ['an expectation that it does not know', `${HEAD}Expect: a-miracle\r\n`],
  ] as const) {
    it(`lets the application answer a request with ${what}`, async () => {
      const { ended } = await dial(await open(), `${head}Connection: close\r\n\r\n`);
      expect(await ended)
        .to.match(/^HTTP\/1\.1 200 OK/)
        .and.to.include('hello');
    });
  }

  it('adds nothing to an answer that has begun, when its client goes on with what is no HTTP', async () => {
    const begun = Promise.withResolvers<void>();
    const opened = await open((_request, response) => {
      response.writeHead(200, { 'Content-Length': 10 });
      response.write('hello');
      begun.resolve();
    });
    const { socket, ended } = await dial(opened, `${HEAD}\r\n`);
    await begun.promise;
    socket.write('EHLO rtm\r\n\r\n');
    expect(await ended)
      .to.match(/^HTTP\/1\.1 200 OK/)
      .and.to.match(/\r\n\r\nhello$/);
  });

  it('refuses what is no HTTP behind an answer that is complete', async () => {
    const { socket, ended } = await dial(await open(), `${HEAD}\r\n`);
    await new Promise<void>((resolve) => socket.once('data', () => resolve()));
    socket.write('EHLO rtm\r\n\r\n');
    const came = await ended;
    expectRefusal(came.slice(came.indexOf('hello') + 'hello'.length), 400);
  });

  for (const [what, text] of [
    ['what is no HTTP', 'EHLO rtm\r\n\r\n'],
    ['a tunnel', 'CONNECT elsewhere:443 HTTP/1.1\r\nHost: elsewhere:443\r\n\r\n'],
  ] as const) {
    it(`says nothing about a request that is still answered, when its client goes on with ${what}`, async () => {
      const begun = Promise.withResolvers<void>();
      const opened = await open(() => begun.resolve());
      const { socket, ended } = await dial(opened, `${HEAD}\r\n`);
      await begun.promise;
      socket.write(text);
      expect(await ended).to.equal('');
    });
  }

  it('puts no refusal in front of an answer that is still on its way', async () => {
    let requests = 0;
    // The second request is not whole: its answer could be the refusal, were it the only one.
    const opened = await open((_request, response) => {
      requests += 1;
      if (requests === 1) setImmediate(() => response.end('hello'));
    });
    const chunked = `${HEAD.replace('GET', 'POST')}Transfer-Encoding: chunked\r\n\r\nno length\r\n`;
    const { ended } = await dial(opened, `${HEAD}\r\n${chunked}`);
    expect(await ended).to.match(/^(HTTP\/1\.1 200 |$)/);
    expect(requests).to.equal(2);
  });

  it('tells a client to go on with its body only when the answers before are out', async () => {
    const opened = await open((request, response) => {
      // The answer of a POST whose body came; the GET before it takes a while.
      if (request.method === 'POST') request.resume().on('end', () => response.end(Buffer.from('second')));
      else setTimeout(() => response.end('first'), 50);
    });
    const post = `${HEAD.replace('GET', 'POST')}Expect: 100-continue\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok`;
    const { ended } = await dial(opened, `${HEAD}\r\n${post}`);
    const [, second = ''] = (await ended).split('first');
    expect(second).to.match(
      /^(?:HTTP\/1\.1 100 Continue\r\n\r\n)?HTTP\/1\.1 200 OK\r\n(?:[\w-]+: [^\r\n]*\r\n)+\r\nsecond$/,
    );
  });

  it('answers what comes behind a request that waited for the word to go on', async () => {
    const opened = await open((request, response) => {
      // The first answer takes longer than the second one, which must not end the connection for the third.
      const answer = (): void => void response.end(request.url);
      if (request.url === '/first') setTimeout(answer, 50);
      else answer();
    });
    const get = (target: string): string => HEAD.replace('/', target);
    const { ended } = await dial(
      opened,
      [
        `${get('/first')}\r\n`,
        ...['/second', '/third'].map((target) => `${get(target)}Expect: 100-continue\r\n\r\n`),
        `${get('/fourth')}Connection: close\r\n\r\n`,
      ].join(''),
    );
    const told = (await ended).match(/100 Continue|200 OK|\/(first|second|third|fourth)/g);
    expect(told).to.deep.equal([
      '200 OK',
      '/first',
      '100 Continue',
      '200 OK',
      '/second',
      '100 Continue',
      '200 OK',
      '/third',
      '200 OK',
      '/fourth',
    ]);
  });

  it('closes each answer to a client that has gone, one that waits for its turn as well', async () => {
    const begun = Promise.withResolvers<void>();
    const closed: (string | undefined)[] = [];
    const opened = await open((request, response) => {
      response.once('close', () => closed.push(request.url));
      if (request.url !== '/second') return;
      // Nothing is left of the request by which Node would find its answer.
      request.resume().once('close', () => {
        response.end('second');
        begun.resolve();
      });
    });
    const { socket } = await dial(opened, `${HEAD}\r\n${HEAD.replace('/', '/second')}\r\n`);
    await begun.promise;
    socket.resetAndDestroy();
    await eventually(() => closed.length === 2, { what: 'both to be closed', timeoutMs: 5_000 });
    expect(closed).to.have.members(['/', '/second']);
  });

  it('outlives a client that asks for a tunnel and resets the connection at once', async () => {
    const served = Promise.withResolvers<Socket>();
    const opened = await open((request, response) => {
      response.end('hello');
      served.resolve(request.socket);
    });
    const { socket, ended } = await dial(opened, `${HEAD}\r\n`);
    const ours = await served.promise;
    await new Promise<void>((resolve) => socket.once('data', () => resolve()));
    // What the reset comes to: it is the next write that meets it.
    ours.write = () => {
      ours.destroy(new Error('write ECONNRESET'));
      return false;
    };
    socket.write('CONNECT elsewhere:443 HTTP/1.1\r\nHost: elsewhere:443\r\n\r\n');
    await ended;
    expect((await exchange(opened.url, '/')).text).to.equal('hello');
  });

  it('lets the body of a client that has gone be refused as one that did not come', async () => {
    const app = express();
    const readBody = makeBodyReader('internalStopRuntime');
    const refused = Promise.withResolvers<Error>();
    app.post('/', (request, response) => {
      // As it is when an earlier answer on this connection met a client that had reset it.
      request.socket.destroy();
      refused.resolve(rejectionOf(readBody(request, response)));
    });
    const head =
      'POST / HTTP/1.1\r\nHost: rtm\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n';
    await dial(await open(app), `${head}{}`);
    expect(await refused.promise).to.include({
      code: 'invalid_request',
      message: 'The body could not be read to its end',
    });
  });

  it('keeps connections for longer than pools of clients do', async () => {
    const { headers } = await exchange((await open()).url, '/', { headers: { Connection: 'keep-alive' } });
    expect(headers['keep-alive']).to.equal('timeout=65');
  });

  it('answers a request once, also when the rest of it never comes', async () => {
    const opened = await open(hello, {}, impatient);
    const { ended } = await dial(opened, `${HEAD.replace('GET', 'DELETE')}Content-Length: 5\r\n\r\n`);
    expect((await ended).match(/HTTP\/1\.1 \d+/g)).to.deep.equal(['HTTP/1.1 200']);
  });

  describe('closes', () => {
    /** Longer than any test waits. */
    const LONG_MS = 3_600_000;
    /** Nobody but `close` ends a connection. */
    const patient = { handshakeMs: LONG_MS, headersMs: LONG_MS, requestMs: LONG_MS, checkMs: LONG_MS };

    for (const [what, text, given] of [
      ['a connection on which nothing was said', '', 'plain'],
      ['half a head', HEAD, 'plain'],
      ['a connection that is kept after an answer', `${HEAD}\r\n`, 'plain'],
      ['a TLS handshake that never began', '', 'tls'],
      ['half a TLS handshake', '\x16\x03\x01\x02\x00', 'tls'],
    ] as const) {
      it(`at once beside ${what}`, async () => {
        const opened = await open(hello, given === 'tls' ? tls() : {}, patient);
        const { ended } = await dial(opened, text);
        await opened.close(LONG_MS);
        await ended;
      });
    }

    it('after the requests that run, and takes no new ones', async () => {
      const gate = Promise.withResolvers<void>();
      const reached = Promise.withResolvers<void>();
      const opened = await open((_request, response) => {
        reached.resolve();
        gate.promise.then(() => response.end('done'));
      });
      const running = exchange(opened.url, '/');
      await reached.promise;
      const closed = opened.close(LONG_MS);
      expect((await rejectionOf(exchange(opened.url, '/'))).message).to.include('ECONNREFUSED');
      gate.resolve();
      expect((await running).text).to.equal('done');
      await closed;
    });

    it('after an answer that its client is still taking in', async () => {
      const sent = Promise.withResolvers<void>();
      const opened = await open((_request, response) => {
        response.end('x'.repeat(20_000_000));
        sent.resolve();
      });
      const { socket, ended } = await dial(opened);
      socket.pause();
      socket.write(`${HEAD}\r\n`);
      await sent.promise;
      const closed = opened.close(LONG_MS);
      socket.resume();
      expect((await ended).length).to.be.above(20_000_000);
      await closed;
    });

    it('over a request that outlasts its grace', async () => {
      const reached = Promise.withResolvers<void>();
      const opened = await open(() => reached.resolve());
      const running = rejectionOf(exchange(opened.url, '/'));
      await reached.promise;
      await opened.close(50);
      expect((await running).message).to.match(/hang up|ECONNRESET/);
    });

    it('twice without harm', async () => {
      const opened = await open();
      await Promise.all([opened.close(LONG_MS), opened.close(LONG_MS)]);
    });
  });
});
