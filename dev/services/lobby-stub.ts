import { once } from 'node:events';
import { createServer } from 'node:http';

/** A stand-in for the Game Lobby's internal API, which RTM asks once before a start. */
export interface LobbyStub {
  readonly url: string;
  stop(): Promise<void>;
}

/** Starts it on a free loopback port; it knows every game. */
export async function startLobbyStub(): Promise<LobbyStub> {
  const server = createServer((request, response) => {
    const game = /^\/api\/v1\/internal\/games\/([^/?]+)$/.exec(request.url ?? '')?.[1];
    response.writeHead(game ? 200 : 404, { 'content-type': 'application/json' });
    response.end(JSON.stringify(game ? { game_id: decodeURIComponent(game), status: 'starting' } : {}));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('a listening socket has no port');
  return {
    url: `http://127.0.0.1:${address.port}`,
    async stop() {
      server.close();
      server.closeAllConnections();
    },
  };
}
