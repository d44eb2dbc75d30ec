import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, request, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { type Nginx, startExampleNginx } from '../helpers/nginx.ts';

/** What reached the daemon. */
interface Seen {
  readonly line: string;
  readonly body: string;
  readonly upgrade: string | undefined;
}

interface Sent {
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

const FORM = { 'content-type': 'application/x-www-form-urlencoded' };
const URL_OF_ATTACK = 'http%3A%2F%2F127.0.0.1%3A5077%2Froot.tar';

/** Request lines that Docker would understand as more than RTM ever asks. */
const REFUSED = [
  // another source for an image
  `POST /images/create?fromSrc=${URL_OF_ATTACK}`,
  `POST /images/create?from%53rc=${URL_OF_ATTACK}`,
  `POST /v1.41/images/create?%66romSrc=${URL_OF_ATTACK}`,
  'POST /images/create?from%53rc=-',
  `POST /images/create?fromSrc=&fromSrc=${URL_OF_ATTACK}`,
  `POST /images/create?fromImage=galaxy%2Fgame&tag=1&fromSrc=${URL_OF_ATTACK}`,
  `POST /images/create?fromImage=galaxy%2Fgame&from%53rc=${URL_OF_ATTACK}`,
  `POST /images/create?fromImage=galaxy%2Fgame;fromSrc=${URL_OF_ATTACK}`,
  `POST /images/create?fromImage=galaxy%2Fgame&tag=1%26fromSrc%3D${URL_OF_ATTACK}`,
  'POST /images/create?fromImage=a&fromImage=b',
  'POST /images/create?tag=1&tag=2',
  'POST /images/create?fromImage=a&tag=1&repo=galaxy',
  'POST /images/create?fromImage=a&changes=USER+root',
  'POST /images/create?fromImage=',
  'POST /images/create?',
  'POST /images/create',
  // parameters that RTM does not send
  'POST /containers/galaxy-game-a/start?checkpoint=c&checkpoint-dir=%2Fetc',
  'POST /containers/galaxy-game-a/stop?t=1&signal=KILL',
  'POST /containers/galaxy-game-a/stop?t=1&t=2',
  'POST /containers/galaxy-game-a/stop?%74=1',
  'POST /containers/create?name=a&platform=windows',
  'POST /containers/create?n%61me=a',
  'POST /containers/create',
  'DELETE /containers/galaxy-game-a?force=true&v=true&link=true',
  'GET /containers/json?all=true&size=true',
  'GET /containers/json',
  'GET /containers/galaxy-game-a/json?size=true',
  'GET /events',
  'GET /networks',
  // another path than it looks like
  'GET /containers/json%3Fall=true',
  'GET //info',
  'GET /v1.41//info',
  'GET /x/../info',
  'GET /containers/../json',
  'GET /containers/%2e%2e/json',
  'GET /containers/.%2e/json',
  'POST /containers/a%2Fexec/start',
  'POST /containers/a/../../build/start',
  'GET /images/../containers/a/json',
  'GET /images/a//../b/json',
  'GET /networks/a%2F..%2Fb',
  'GET /v1.41/v1.41/info',
  'GET /_ping#',
  'GET /info?x=1',
  // other methods, and other calls
  'PUT /info',
  'HEAD /_ping',
  'OPTIONS /info',
  'POST /info',
  'DELETE /images/galaxy',
  'DELETE /networks/galaxy',
  'POST /containers/galaxy-game-a/exec',
  'POST /containers/galaxy-game-a/attach',
  'GET /containers/galaxy-game-a/attach/ws',
  'PUT /containers/galaxy-game-a/archive?path=%2F',
  'GET /containers/galaxy-game-a/export',
  'POST /containers/galaxy-game-a/update',
  'POST /exec/abc/start',
  'POST /build',
  'POST /session',
  'POST /grpc',
  'POST /commit?container=a',
  'POST /networks/create',
  'POST /networks/galaxy/connect',
  'POST /volumes/create',
  'POST /swarm/init',
  'POST /plugins/pull?remote=a',
];

describe('docs/examples/docker-proxy.nginx.conf in a real nginx', () => {
  let dir: string;
  let daemon: Server;
  let nginx: Nginx;
  const seen: Seen[] = [];

  before(async () => {
    dir = await mkdtemp(path.join(tmpdir(), 'rtm-daemon-'));
    const socketPath = path.join(dir, 'docker.sock');
    daemon = createServer(async (incoming, response) => {
      let body = '';
      for await (const chunk of incoming) body += String(chunk);
      const { method, url, headers } = incoming;
      seen.push({ line: `${method} ${url}`, body, upgrade: headers.upgrade });
      response.end('{}');
    });
    await new Promise<void>((resolve) => daemon.listen(socketPath, resolve));
    nginx = await startExampleNginx(socketPath);
  });
  beforeEach(() => void seen.splice(0));
  after(async () => {
    await nginx?.[Symbol.asyncDispose]();
    await new Promise((resolve) => daemon?.close(resolve));
    await rm(dir, { recursive: true, force: true });
  });

  const send = (line: string, { body = '', headers = {} }: Sent = {}): Promise<number> => {
    const [method = '', target = ''] = line.split(' ');
    return new Promise((resolve, reject) => {
      const asked = request({ socketPath: nginx.socketPath, method, path: target, headers }, (answer) => {
        answer.resume().on('end', () => resolve(answer.statusCode ?? 0));
      });
      asked.on('error', reject);
      asked.end(body);
    });
  };

  for (const line of REFUSED) {
    it(`refuses ${line}`, async () => {
      expect(await send(line)).to.be.oneOf([400, 403, 405]);
      expect(seen).to.deep.equal([]);
    });
  }

  for (const headers of [FORM, { ...FORM, 'transfer-encoding': 'chunked' }]) {
    it(`drops the form of a pull (${Object.keys(headers)}), which would name another source`, async () => {
      const line = 'POST /v1.41/images/create?fromImage=galaxy%2Fgame&tag=1.0.0';
      expect(await send(line, { body: `fromSrc=${URL_OF_ATTACK}`, headers })).to.equal(200);
      expect(seen).to.deep.equal([{ line, body: '', upgrade: undefined }]);
    });
  }

  for (const line of [
    'GET /v1.41/containers/galaxy-game-a/json',
    'POST /v1.41/containers/galaxy-game-a/start',
    'POST /v1.41/containers/galaxy-game-a/stop?t=30',
    'DELETE /v1.41/containers/galaxy-game-a?force=true&v=true',
  ]) {
    it(`drops the body of ${line}`, async () => {
      expect(await send(line, { body: 'all=true', headers: FORM })).to.equal(200);
      expect(seen).to.deep.equal([{ line, body: '', upgrade: undefined }]);
    });
  }

  it('passes the body of a create on', async () => {
    const line = 'POST /v1.41/containers/create?name=galaxy-game-a';
    const body = JSON.stringify({ Image: 'galaxy/game:1.0.0', Env: ['A=x'.padEnd(100_000, 'x')] });
    expect(await send(line, { body, headers: { 'content-type': 'application/json' } })).to.equal(200);
    expect(seen).to.deep.equal([{ line, body, upgrade: undefined }]);
  });

  it('passes no upgrade on', async () => {
    const headers = { connection: 'Upgrade', upgrade: 'h2c' };
    expect(await send('GET /info', { headers })).to.equal(200);
    expect(seen).to.deep.equal([{ line: 'GET /info', body: '', upgrade: undefined }]);
  });
});
