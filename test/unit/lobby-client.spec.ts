import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { RuntimeError } from '../../lib/errors.ts';
import { parseGameId } from '../../lib/game-id.ts';
import { type LobbyClient, makeLobbyClient } from '../../lib/lobby-client.ts';

const gameId = parseGameId('Game-1');

describe('lobby client', () => {
  let server: Server | undefined;
  let client: LobbyClient | undefined;

  /** Serves Lobby's part and returns a client of it. */
  const serve = async (listener: RequestListener, timeoutMs = 5_000, path = ''): Promise<LobbyClient> => {
    const listening = createServer(listener);
    server = listening;
    await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
    const { port } = listening.address() as AddressInfo;
    client = makeLobbyClient({ baseUrl: `http://127.0.0.1:${port}${path}`, timeoutMs });
    return client;
  };
  const get = (lobby: LobbyClient): ReturnType<LobbyClient['getGame']> =>
    lobby.getGame(gameId, new AbortController().signal);
  const failureOf = async (attempt: Promise<unknown>): Promise<RuntimeError> => {
    const error: unknown = await attempt.then(
      () => undefined,
      (thrown) => thrown,
    );
    if (!(error instanceof RuntimeError)) throw new Error(`expected a RuntimeError, got ${String(error)}`);
    expect(error.code).to.equal('service_unavailable');
    return error;
  };

  afterEach(async () => {
    client?.close();
    const closing = server;
    closing?.closeAllConnections();
    if (closing !== undefined) await new Promise((resolve) => closing.close(resolve));
    server = undefined;
  });

  it('asks for the game and keeps what it does not know', async () => {
    const urls: (string | undefined)[] = [];
    const lobby = await serve(
      (request, response) => {
        urls.push(`${request.method} ${request.url}`);
        response.end('{"game_id":"Game-1","status":"starting","new_field":{"x":1}}');
      },
      5_000,
      '/lobby/',
    );
    expect(await get(lobby)).to.deep.equal({
      found: true,
      game: { game_id: 'Game-1', status: 'starting', new_field: { x: 1 } },
    });
    expect(urls).to.deep.equal(['GET /lobby/api/v1/internal/games/Game-1']);
  });

  it('tells that Lobby does not know the game', async () => {
    const lobby = await serve((_request, response) => response.writeHead(404).end('{"error":{}}'));
    expect(await get(lobby)).to.deep.equal({ found: false });
  });

  for (const status of [201, 204, 302, 400, 401, 500, 503]) {
    it(`takes status ${status} for a failure and follows nothing`, async () => {
      let requests = 0;
      const lobby = await serve((_request, response) => {
        requests += 1;
        response.writeHead(status, { location: '/elsewhere' }).end();
      });
      expect((await failureOf(get(lobby))).message).to.include(`status ${status}`);
      expect(requests).to.equal(1);
    });
  }

  for (const body of ['', 'not json', '[]', 'null', '7', '{"a":']) {
    it(`takes the body ${JSON.stringify(body)} for a failure`, async () => {
      const lobby = await serve((_request, response) => response.end(body));
      expect((await failureOf(get(lobby))).message).to.include('JSON');
    });
  }

  it('reads no more than 64 KiB', async () => {
    const lobby = await serve((_request, response) => {
      response.write(`{"fits":"${'x'.repeat(60_000)}"`);
      const timer = setInterval(() => response.write('x'.repeat(60_000)), 1);
      response.on('close', () => clearInterval(timer));
    });
    expect((await failureOf(get(lobby))).message).to.include('65536 bytes');
  });

  it('waits no longer than its time limit, for the head', async () => {
    const lobby = await serve(() => {}, 50);
    expect((await failureOf(get(lobby))).message).to.include('within 50 ms');
  });

  it('waits no longer than its time limit, for the rest of the body', async () => {
    const lobby = await serve((_request, response) => response.write('{"game_id":'), 50);
    expect((await failureOf(get(lobby))).message).to.include('within 50 ms');
  });

  it('ends with the caller, whose reason it throws', async () => {
    const controller = new AbortController();
    const reason = new Error('lease lost');
    const lobby = await serve(() => controller.abort(reason));
    expect(await lobby.getGame(gameId, controller.signal).catch((error) => error)).to.equal(reason);
    expect(await lobby.getGame(gameId, controller.signal).catch((error) => error)).to.equal(reason);
  });

  it('ends requests under way when it is closed, and refuses later ones', async () => {
    const lobby = await serve(() => lobby.close());
    expect((await failureOf(get(lobby))).message).to.include('shuts down');
    expect((await failureOf(get(lobby))).message).to.include('shuts down');
  });

  it('says that nobody listens, with the cause', async () => {
    const lobby = await serve(() => {});
    const listening = server;
    server = undefined;
    await new Promise((resolve) => listening?.close(resolve));
    const error = await failureOf(get(lobby));
    expect(error.message).to.equal('Game Lobby could not be reached.');
    expect(error).to.have.nested.property('cause.cause.code', 'ECONNREFUSED');
  });

  it('leaves the connection usable after each answer', async () => {
    const ports = new Set<number | undefined>();
    const lobby = await serve((request, response) => {
      ports.add(request.socket.remotePort);
      response.writeHead(404).end('x'.repeat(100));
    });
    for (let round = 0; round < 5; round += 1) await get(lobby);
    expect(ports.size).to.be.at.most(2);
  });
});
