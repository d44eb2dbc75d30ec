import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { GAME_IMAGE } from '../helpers/docker.ts';
import { eventually } from '../helpers/eventually.ts';
import { type Flow, makeFlow, newGame } from '../helpers/flow.ts';
import { type Rtm, startRtm } from '../helpers/rtm.ts';

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

const json =
  (status: number, body: string): Answer =>
  (_request, response) =>
    void response.writeHead(status, { 'content-type': 'application/json' }).end(body);

describe('the diagnostic call to Lobby (spec, section 4)', () => {
  let flow: Flow;
  let lobby: Server;
  let rtm: Rtm;
  let answer: Answer = json(200, '{}');
  const asked: string[] = [];

  before(async () => {
    flow = await makeFlow();
    lobby = createServer((request, response) => {
      asked.push(`${request.method} ${request.url}`);
      answer(request, response);
    });
    lobby.listen(0, '127.0.0.1');
    await once(lobby, 'listening');
    const { port } = lobby.address() as AddressInfo;
    rtm = await startRtm(flow.world, {
      RTMANAGER_LOBBY_INTERNAL_BASE_URL: `http://127.0.0.1:${port}/lobby`,
      RTMANAGER_LOBBY_INTERNAL_TIMEOUT: '15s',
      RTMANAGER_LOG_LEVEL: 'debug',
    });
  });
  after(async () => {
    await rtm?.close();
    lobby?.closeAllConnections();
    lobby?.close();
    await flow?.destroy();
  });

  async function assertStarts(): Promise<string> {
    const gameId = newGame();
    const { fields } = await flow.lobby.answerTo(await flow.lobby.start(gameId, GAME_IMAGE));
    expect(fields).to.include({ outcome: 'success', error_code: '' });
    expect(asked).to.include(`GET /lobby/api/v1/internal/games/${gameId}`);
    return gameId;
  }
  const logged = (gameId: string) =>
    eventually(
      () =>
        rtm.log.lines.find((line) => line.fields.game_id === gameId && /^Lobby /.test(line.message))?.message,
      { what: 'what the log says of Lobby' },
    );

  for (const [name, reply, says] of [
    [
      'knows the game, and says more than it did once',
      json(200, '{"status":"starting","new":[1]}'),
      'was asked',
    ],
    ['does not know the game', json(404, '{"error":"unknown"}'), 'was asked'],
    ['fails', json(500, '{}'), 'could not be asked'],
    ['says something that is not JSON', json(200, '<html>'), 'could not be asked'],
    ['breaks the connection', (request) => void request.socket.destroy(), 'could not be asked'],
  ] as readonly [string, Answer, string][]) {
    it(`changes nothing in a start when Lobby ${name}`, async () => {
      answer = reply;
      expect(await logged(await assertStarts())).to.include(says);
    });
  }

  it('holds up no start while Lobby says nothing', async () => {
    let waiting: ServerResponse | undefined;
    answer = (_request, response) => {
      waiting = response;
    };
    await assertStarts();
    expect(waiting?.destroyed, 'the call is still under way when the start is answered').to.equal(false);
  });

  it('is made once a start, and for nothing else', async () => {
    answer = json(200, '{}');
    const gameId = await assertStarts();
    await flow.lobby.answerTo(await flow.lobby.stop(gameId));
    expect(asked.filter((one) => one.endsWith(`/${gameId}`))).to.have.length(1);
  });
});
