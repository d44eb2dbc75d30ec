import { connect, createServer, type Server, type Socket } from 'node:net';

/** An address in front of a service, so that a test can take the service away without stopping it. */
export interface TcpProxy {
  readonly host: string;
  readonly port: number;
  /** Breaks every connection and refuses new ones. */
  close(): Promise<void>;
  /** Listens again, at the same address. */
  open(): Promise<void>;
  /** Keeps connections, old and new, but lets nothing through: the silence of a partitioned network. */
  hush(): void;
  /** Keeps the connections of now but lets nothing through; new ones work. */
  strand(): void;
  /** Lets through what was held up, and everything after it. */
  speak(): void;
  /** Leads new connections to another service; the connections of now stay with the old one. */
  move(target: TcpProxyOptions['target']): void;
  /** Passes on the next piece that holds `text`, and breaks its connection instead of bringing the answer back. */
  loseAnswerTo(text: string): void;
}

interface TcpProxyOptions {
  readonly target: { readonly host: string; readonly port: number };
  /** False: nothing listens before `open`. */
  readonly opened?: boolean;
}

export async function makeTcpProxy({ target, opened = true }: TcpProxyOptions): Promise<TcpProxy> {
  let current = target;
  const pairs = new Set<readonly [Socket, Socket]>();
  let server: Server | undefined;
  let port = 0;
  let silent = false;
  let unanswered: string | undefined;

  function accept(client: Socket): void {
    const upstream = connect(current);
    const pair = [client, upstream] as const;
    pairs.add(pair);
    let answerIsLost = false;
    client.on('data', (piece: Buffer) => {
      if (unanswered !== undefined && piece.includes(unanswered)) {
        unanswered = undefined;
        answerIsLost = true;
      }
      upstream.write(piece);
    });
    upstream.on('data', (piece: Buffer) => {
      if (answerIsLost) client.destroy();
      else client.write(piece);
    });
    for (const socket of pair) {
      const other = socket === client ? upstream : client;
      socket.on('error', () => other.destroy());
      socket.on('end', () => other.end());
      socket.on('close', () => {
        pairs.delete(pair);
        other.destroy();
      });
      if (silent) socket.pause();
    }
  }

  async function listen(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const listening = createServer(accept);
    listening.once('error', reject);
    listening.listen(port, '127.0.0.1', resolve);
    await promise;
    const address = listening.address();
    if (typeof address === 'object' && address) port = address.port;
    server = listening;
  }

  const proxy: TcpProxy = {
    host: '127.0.0.1',
    get port() {
      return port;
    },
    async open() {
      if (!server) await listen();
    },
    async close() {
      const { promise, resolve } = Promise.withResolvers<void>();
      if (!server) return;
      server.close(() => resolve());
      server = undefined;
      for (const pair of pairs) for (const socket of pair) socket.destroy();
      await promise;
    },
    hush() {
      silent = true;
      proxy.strand();
    },
    strand() {
      for (const pair of pairs) for (const socket of pair) socket.pause();
    },
    speak() {
      silent = false;
      for (const pair of pairs) for (const socket of pair) socket.resume();
    },
    move(next) {
      current = next;
    },
    loseAnswerTo(text) {
      unanswered = text;
    },
  };
  await listen();
  if (!opened) await proxy.close();
  return proxy;
}

/** A proxy in front of the PostgreSQL of a DSN, and the DSN that leads through it. */
export async function makePostgresProxy(
  dsn: string,
  options: { readonly opened?: boolean } = {},
): Promise<TcpProxy & { readonly dsn: string }> {
  const url = new URL(dsn);
  const target = { host: url.hostname, port: Number(url.port || 5432) };
  const proxy = await makeTcpProxy({ target, ...options });
  url.host = `${proxy.host}:${proxy.port}`;
  return Object.assign(proxy, { dsn: url.toString() });
}
