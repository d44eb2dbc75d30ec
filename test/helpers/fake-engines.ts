import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** How an engine answers a probe. */
export type Behaviour = (request: IncomingMessage, response: ServerResponse) => void;

export const healthy: Behaviour = (_request, response) => void response.end('{"status":"ok"}');
export const says =
  (status: number, body = '{"status":"unhealthy"}', headers = {}): Behaviour =>
  (_request, response) =>
    void response.writeHead(status, headers).end(body);
export const hangs: Behaviour = () => undefined;
export const dropsConnection: Behaviour = (request) => void request.socket.destroy();

/** One request as the engines saw it. */
interface Asked {
  readonly host: string;
  readonly line: string;
  readonly headers: IncomingMessage['headers'];
  readonly atMs: number;
}

/** Engines of any number of games behind one local port; they are told apart by the host that is asked for. */
export interface FakeEngines {
  readonly port: number;
  readonly asked: readonly Asked[];
  /** Connections that were ever opened, and those that are open. */
  readonly connections: { opened: number; open: number };
  /** The recorded endpoint of a game whose engine is one of these. */
  endpoint(gameId: string): string;
  /** From now on; without games, of all that have no behaviour of their own. */
  behave(behaviour: Behaviour, ...gameIds: readonly string[]): void;
  close(): Promise<void>;
}

export async function makeFakeEngines(): Promise<FakeEngines> {
  const asked: Asked[] = [];
  const connections = { opened: 0, open: 0 };
  const behaviours = new Map<string, Behaviour>();
  let common = healthy;
  const hostname = (gameId: string) => `galaxy-game-${gameId}`;
  const server = createServer((request, response) => {
    const { method, url, headers } = request;
    const host = headers.host ?? '';
    asked.push({ host, line: `${method} ${url}`, headers, atMs: performance.now() });
    (behaviours.get(host.replace(/:\d+$/, '')) ?? common)(request, response);
  });
  server.on('connection', (socket) => {
    connections.opened += 1;
    connections.open += 1;
    socket.on('close', () => {
      connections.open -= 1;
    });
  });
  server.listen(0, '0.0.0.0');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    port,
    asked,
    connections,
    endpoint: (gameId) => `http://${hostname(gameId)}:${port}`,
    behave: (behaviour, ...gameIds) => {
      if (gameIds.length === 0) common = behaviour;
      for (const gameId of gameIds) behaviours.set(hostname(gameId), behaviour);
    },
    async close() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
