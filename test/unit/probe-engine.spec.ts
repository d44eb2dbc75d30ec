import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { expect } from 'chai';
import { probeEngine } from '../../lib/probe-engine.ts';
import type { ProbeResult } from '../../lib/probe-result.ts';
import { eventually } from '../helpers/eventually.ts';
import { dropsConnection, type FakeEngines, hangs, makeFakeEngines, says } from '../helpers/fake-engines.ts';

describe('one probe of an engine', () => {
  let engines: FakeEngines;
  let raw: Server | undefined;
  const sockets = new Set<Socket>();

  beforeEach(async () => {
    engines = await makeFakeEngines();
  });
  afterEach(async () => {
    await engines.close();
    for (const socket of sockets) socket.destroy();
    raw?.close();
    raw = undefined;
  });

  const never = new AbortController().signal;
  const probe = (timeoutMs = 5_000, signal = never): Promise<ProbeResult> =>
    probeEngine({ address: '127.0.0.1', endpoint: engines.endpoint('g'), timeoutMs }, signal);

  /** Probes a server that speaks whatever it likes. */
  async function probeRaw(onSocket: (socket: Socket) => void, timeoutMs = 5_000): Promise<ProbeResult> {
    raw = createServer((socket) => {
      sockets.add(socket.on('error', () => undefined));
      onSocket(socket);
    });
    raw.listen(0, '127.0.0.1');
    await once(raw, 'listening');
    const { port } = raw.address() as AddressInfo;
    return probeEngine({ address: '127.0.0.1', endpoint: `http://engine:${port}`, timeoutMs }, never);
  }
  const answering = (text: string) => (socket: Socket) => void socket.on('data', () => socket.write(text));

  it('asks for /healthz of the recorded host, at the address given', async () => {
    expect(await probe()).to.deep.equal({ kind: 'healthy' });
    expect(engines.asked.map(({ host, line }) => [host, line])).to.deep.equal([
      [`galaxy-game-g:${engines.port}`, 'GET /healthz'],
    ]);
  });

  it('opens a connection of its own each time, and leaves none (failure mode 17)', async () => {
    for (let times = 0; times < 3; times += 1) await probe();
    expect(engines.connections.opened).to.equal(3);
    expect(engines.asked.map(({ headers }) => headers.connection)).to.deep.equal(['close', 'close', 'close']);
    await eventually(() => engines.connections.open === 0, { what: 'the connections to be closed' });
  });

  it('follows no redirect', async () => {
    engines.behave(says(302, '', { location: '/elsewhere' }));
    expect(await probe()).to.deep.equal({ kind: 'failed', status: 302, error: '' });
    expect(engines.asked).to.have.length(1);
  });

  it('takes any other status for a failure, and does not wait for the rest of it', async () => {
    engines.behave((_request, response) => void response.writeHead(503).write('never ends'));
    expect(await probe()).to.deep.equal({ kind: 'failed', status: 503, error: '' });
  });

  it('reads no more than 16 KiB', async () => {
    engines.behave((_request, response) => {
      const timer = setInterval(() => response.write(`{"status":"ok","x":"${'x'.repeat(10_000)}"`), 1);
      response.on('close', () => clearInterval(timer));
    });
    expect(await probe()).to.deep.equal({
      kind: 'failed',
      status: 200,
      error: 'the answer is longer than 16384 bytes',
    });
  });

  it('waits no longer than its limit for the head', async () => {
    engines.behave(hangs);
    expect(await probe(50)).to.deep.equal({ kind: 'failed', status: null, error: 'no answer within 50ms' });
    await eventually(() => engines.connections.open === 0, { what: 'the connection to be closed' });
  });

  it('waits no longer than its limit for a body, however steadily it drips', async () => {
    engines.behave((_request, response) => {
      response.writeHead(200);
      const timer = setInterval(() => response.write(' '), 5);
      response.on('close', () => clearInterval(timer));
    });
    expect(await probe(80)).to.deep.equal({
      kind: 'failed',
      status: 200,
      error: 'no complete answer within 80ms',
    });
  });

  it('waits no longer than its limit for somebody who takes the connection and reads nothing', async () => {
    const result = await probeRaw((socket) => socket.pause(), 50);
    expect(result).to.deep.equal({ kind: 'failed', status: null, error: 'no answer within 50ms' });
  });

  it('takes a refused connection for a failure', async () => {
    await engines.close();
    expect(await probe()).to.deep.equal({ kind: 'failed', status: null, error: 'connection refused' });
    engines = await makeFakeEngines();
  });

  it('takes a connection that is closed without an answer for a failure', async () => {
    engines.behave(dropsConnection);
    const closed = { kind: 'failed', status: null, error: 'the connection was closed without an answer' };
    expect(await probe()).to.deep.equal(closed);
    expect(await probeRaw((socket) => socket.end())).to.deep.equal(closed);
  });

  it('takes an answer that breaks off for a failure, with its status', async () => {
    const result = await probeRaw((socket) => {
      socket.on('data', () => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"status":"ok"}'));
    });
    expect(result).to.deep.equal({
      kind: 'failed',
      status: 200,
      error: 'the connection was closed inside the answer',
    });
  });

  it('takes what is no HTTP for a failure', async () => {
    const result = await probeRaw(answering('SSH-2.0-OpenSSH_9.2\r\n'));
    expect(result).to.deep.equal({ kind: 'failed', status: null, error: 'the answer is not HTTP' });
  });

  it('takes a head without end for a failure', async () => {
    const result = await probeRaw(
      answering(`HTTP/1.1 200 OK\r\n${`x: ${'y'.repeat(1_000)}\r\n`.repeat(20)}`),
    );
    expect(result).to.deep.equal({
      kind: 'failed',
      status: null,
      error: 'the head of its answer is too long',
    });
  });

  it('takes a change of protocol for a failure', async () => {
    const result = await probeRaw(
      answering('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n'),
    );
    expect(result).to.include({ kind: 'failed' });
  });

  /** Writes as fast as the other side reads, and counts the bytes that left. */
  const flooding = (head: string, portion: string, sent: { bytes: number }) => (socket: Socket) => {
    const chunk = Buffer.from(portion.repeat(Math.ceil(65_536 / portion.length)));
    const write = (): void => {
      while (!socket.destroyed) {
        sent.bytes += chunk.byteLength;
        if (!socket.write(chunk)) return;
      }
    };
    socket.on('drain', write).once('data', () => {
      socket.write(head);
      write();
    });
  };
  const CHUNKED = 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n';

  for (const [what, head, portion] of [
    ['interim answers', '', 'HTTP/1.1 103 Early Hints\r\n\r\n'],
    ['extensions of chunks', CHUNKED, `1;${'x'.repeat(15_000)}\r\n{\r\n`],
    ['tiny chunks', CHUNKED, '1\r\n{\r\n'],
  ] as const) {
    it(`ends the connection to an engine that sends ${what} without an end`, async () => {
      const sent = { bytes: 0 };
      const result = await probeRaw(flooding(head, portion, sent));
      expect(result).to.include({ kind: 'failed' });
      expect('error' in result && result.error).to.match(/the engine sends (interim|more than 32768)|longer/);
      await eventually(() => [...sockets].every(({ destroyed }) => destroyed), {
        what: 'the connection to end',
      });
      // Buffers of the kernel on both sides hold some megabytes.
      expect(sent.bytes).to.be.below(32_000_000);
    });
  }

  it('takes the first interim answer for a failure, even with an answer behind it', async () => {
    const ok = 'HTTP/1.1 200 OK\r\ncontent-length: 15\r\n\r\n{"status":"ok"}';
    const result = await probeRaw(answering(`HTTP/1.1 103 Early Hints\r\n\r\n${ok}`));
    expect(result).to.deep.equal({ kind: 'failed', status: 103, error: 'the engine sends interim answers' });
  });

  it('has no result when this host has no way there (failure mode 17)', async () => {
    // Linux has no route for TCP to a group of hosts.
    const target = { address: '224.0.0.1', endpoint: 'http://engine:8080', timeoutMs: 5_000 };
    const result = await probeEngine(target, never);
    expect(result).to.include({ kind: 'none' });
    expect('reason' in result && result.reason).to.match(/^connect ENETUNREACH 224.0.0.1:8080/);
  });

  it('has no result while this process is held up, although the time is over (failure mode 17)', async () => {
    engines.behave(hangs);
    const probed = probe(20);
    const untilMs = performance.now() + 200;
    while (performance.now() < untilMs);
    expect(await probed).to.deep.equal({ kind: 'none', reason: 'this process was held up' });
  });

  it('is called off by its signal, without a result', async () => {
    const controller = new AbortController();
    engines.behave(() => controller.abort());
    const called = { kind: 'none', reason: 'the probe was called off' };
    expect(await probe(5_000, controller.signal)).to.deep.equal(called);
    expect(await probe(5_000, controller.signal)).to.deep.equal(called);
  });

  it('ends well whenever it is called off, whatever the engine does', async () => {
    engines.behave((request, response) => {
      if (Math.random() < 0.3) request.socket.destroy();
      else setTimeout(() => response.end('{"status":"ok"}'), Math.random() * 10);
    });
    const kinds = await Promise.all(
      Array.from({ length: 300 }, async (_, index) => {
        const controller = new AbortController();
        if (index % 3 > 0) setTimeout(() => controller.abort(), Math.random() * 20);
        const endpoint = index % 10 === 0 ? 'http://nobody:1' : engines.endpoint('g');
        const target = { address: '127.0.0.1', endpoint, timeoutMs: 1 + (index % 20) };
        return (await probeEngine(target, controller.signal)).kind;
      }),
    );
    expect(kinds).to.have.length(300);
    await eventually(() => engines.connections.open === 0, { what: 'the connections to be closed' });
  });
});
