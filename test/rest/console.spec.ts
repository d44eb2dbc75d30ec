import { readdirSync, readFileSync } from 'node:fs';
import { expect } from 'chai';
import { CONSOLE_DIR } from '../../openapi/console-files.ts';
import { errorCode, errorMessage } from '../helpers/assert-contract.ts';
import { insertDiedGame, insertFleet } from '../helpers/fleet-rows.ts';
import { exchange, type HttpExchange } from '../helpers/http-exchange.ts';
import { makeRestService, type RestService } from '../helpers/rest-service.ts';
import { makeStore, type Store } from '../helpers/store.ts';

const TOKEN = 'correct-horse-battery-staple';
const AUTHORIZATION = `Basic ${Buffer.from(`operator:${TOKEN}`).toString('base64')}`;
const API = '/admin/api/v1/internal';

interface Game {
  readonly game_id: string;
  readonly [name: string]: unknown;
}

describe('what the console is served', () => {
  const stack = new AsyncDisposableStack();
  let store: Store;
  let rest: RestService;

  before(async () => {
    store = stack.adopt(await makeStore(), (one) => one.destroy());
    rest = stack.adopt(await makeRestService({ db: store.db, token: TOKEN, waitMs: 0 }), (one) =>
      one.close(),
    );
    await insertFleet(store, 30);
    await insertDiedGame(store, {
      gameId: 'Andromeda',
      imageRef: 'galaxy/other:2.0.0',
      logLines: ['the end'],
    });
    await store.rows(
      `update rtmanager.health_snapshots set status = 'container_disappeared' where game_id = 'game-00029'`,
    );
  });
  after(() => stack.disposeAsync());
  afterEach(() => store.rows(`delete from rtmanager.operation_log where status = 'queued'`));

  const ask = (path: string, options: Parameters<typeof exchange>[2] = {}): Promise<HttpExchange> =>
    exchange(rest.url, path, { ...options, headers: { authorization: AUTHORIZATION, ...options.headers } });
  const games = async (query = '') => {
    const { json } = await ask(`/admin/data/games${query}`);
    return json as { total: number; items: Game[] };
  };

  describe('of the fleet', () => {
    it('is how many games there are of each kind but removed ones, and how many operations wait', async () => {
      await store.queue({ gameId: 'game-00001', opKind: 'stop', imageRef: null, reason: 'finished' });
      const { status, headers, json } = await ask('/admin/data/fleet');
      expect([status, headers['cache-control']]).to.deep.equal([200, 'no-store']);
      const { games: groups, queue } = json as { games: Record<string, unknown>[]; queue: object };
      expect(groups).to.have.deep.members([
        { status: 'running', health: 'healthy', attention: false, games: 21 },
        { status: 'stopped', health: 'healthy', attention: false, games: 6 },
        { status: 'stopped', health: 'oom', attention: true, games: 1 },
        { status: 'removed', health: 'container_disappeared', attention: true, games: 1 },
      ]);
      expect(queue).to.include({ queued: 1, running: 0 });
    });

    it('is a page of games, those that need somebody first, each with its last operation', async () => {
      const { total, items } = await games('?limit=3');
      expect([total, items.length]).to.deep.equal([29, 3]);
      expect(items[0]).to.deep.include({
        game_id: 'Andromeda',
        status: 'stopped',
        health: 'oom',
        attention: true,
        image_ref: 'galaxy/other:2.0.0',
      });
      expect(items[0]?.last_operation).to.include({ op_kind: 'reconcile_exit', outcome: 'success' });
    });

    for (const [query, expected] of [
      ['?text=andro', ['Andromeda']],
      ['?text=OTHER:2', ['Andromeda']],
      ['?text=%25', []],
      ['?health=attention', ['Andromeda', 'game-00029']],
      ['?health=oom&status=stopped', ['Andromeda']],
      ['?health=oom&status=running', []],
      ['?health=none', []],
      ['?text=game-00009', []],
      ['?text=game-00009&status=any', ['game-00009']],
      ['?order=game&status=any&limit=2&offset=8', ['game-00008', 'game-00009']],
      ['?status=removed&order=game', ['game-00009', 'game-00019', 'game-00029']],
      ['?order=game&limit=2&offset=1', ['game-00001', 'game-00002']],
      ['?order=uptime&limit=1', ['game-00030']],
      ['?order=changed&limit=1', ['Andromeda']],
      ['?offset=1000', []],
    ] as const) {
      it(`is filtered and sorted by ${query}`, async () => {
        if (query.includes('changed'))
          await store.rows(
            `update rtmanager.runtime_records set last_op_at = now() where game_id = 'Andromeda'`,
          );
        expect((await games(query)).items.map((game) => game.game_id)).to.deep.equal(expected);
      });
    }

    for (const [query, named] of [
      ['?limit=0', 'limit'],
      ['?limit=201', 'limit'],
      ['?offset=-1', 'offset'],
      ['?status=dead', 'status'],
      ['?health=ill', 'health'],
      ['?order=random', 'order'],
      [`?text=${'x'.repeat(129)}`, 'text'],
      ['?text=%00', 'text'],
      ['?text=a&text=b', 'text'],
    ] as const) {
      it(`is refused for ${query.slice(0, 20)}, naming ${named} and what is accepted`, async () => {
        const answer = await ask(`/admin/data/games${query}`);
        expect([answer.status, errorCode(answer)]).to.deep.equal([400, 'invalid_request']);
        expect(errorMessage(answer)).to.match(new RegExp(`^query parameter "${named}" must be \\S`));
      });
    }

    it('is refused for a parameter that there is none of', async () => {
      const answer = await ask('/admin/data/games?sort=game');
      expect([answer.status, errorMessage(answer)]).to.deep.equal([
        400,
        'a query parameter is unknown; known: text, status, health, order, limit, offset',
      ]);
    });
  });

  describe('of the API', () => {
    it('is the same as under /api, and takes the password, which that does not', async () => {
      const bearer = { headers: { authorization: `Bearer ${TOKEN}` } };
      for (const path of [
        '/runtimes?limit=2',
        '/runtimes/Andromeda',
        '/runtimes/Andromeda/operations',
        '/runtimes/nobody',
      ]) {
        const [here, there] = [
          await ask(API + path),
          await exchange(rest.url, `/api/v1/internal${path}`, bearer),
        ];
        expect([here.status, here.json], path).to.deep.equal([there.status, there.json]);
        expect(here.headers['cache-control'], path).to.equal('no-store');
      }
      expect((await ask('/api/v1/internal/runtimes')).status).to.equal(401);
    });

    const stop = (headers: Record<string, string>) =>
      ask(`${API}/runtimes/game-00001/stop`, { method: 'POST', body: { reason: 'finished' }, headers });
    const queued = async () => (await store.operations()).filter((one) => one.status === 'queued');

    it('changes something for who says so in a header, in the name of an administrator', async () => {
      expect((await stop({ 'x-galaxy-caller': 'admin' })).status).to.equal(202);
      const [operation, ...others] = await queued();
      expect(operation).to.include({
        game_id: 'game-00001',
        op_kind: 'stop',
        op_source: 'admin_rest',
        reason: 'finished',
      });
      expect(others).to.deep.equal([]);
    });

    for (const [what, headers] of [
      ['a form could send it', {}],
      ['it names another caller', { 'x-galaxy-caller': 'gm' }],
      ['the page of another site sends it', { 'x-galaxy-caller': 'admin', 'sec-fetch-site': 'cross-site' }],
      [
        'a page of the same site but another origin sends it',
        { 'x-galaxy-caller': 'admin', 'sec-fetch-site': 'same-site' },
      ],
      ['its origin is another one', { 'x-galaxy-caller': 'admin', origin: 'https://evil.example' }],
    ] as const) {
      it(`changes nothing where ${what}`, async () => {
        const answer = await stop(headers);
        expect(answer.status).to.be.oneOf([400, 401]);
        expect(errorCode(answer)).to.be.oneOf(['invalid_request', 'unauthorized']);
        expect(await queued()).to.deep.equal([]);
      });
    }

    it('lets no page of another origin ask first whether it may', async () => {
      const answer = await ask(`${API}/runtimes/game-00001/stop`, {
        method: 'OPTIONS',
        headers: {
          origin: 'https://evil.example',
          'access-control-request-method': 'POST',
          'access-control-request-headers': 'x-galaxy-caller',
        },
      });
      expect(answer.status).to.equal(405);
      expect(Object.keys(answer.headers).filter((name) => name.startsWith('access-control-'))).to.deep.equal(
        [],
      );
    });
  });

  describe('as a page', () => {
    const page = () => ask('/admin');

    it('needs the password, every part of it', async () => {
      for (const path of [
        '/admin',
        '/admin/',
        '/admin/console/main.js',
        '/admin/data/fleet',
        '/admin/data/games',
        `${API}/runtimes`,
      ]) {
        const answer = await exchange(rest.url, path);
        expect([answer.status, errorCode(answer)], path).to.deep.equal([401, 'unauthorized']);
        expect(answer.headers['www-authenticate'], path).to.match(/^Basic realm="[^"]+"/);
      }
    });

    it('may run its own scripts only, be framed by nobody, and tells nobody where it came from', async () => {
      for (const path of [
        '/admin',
        '/admin/',
        '/admin/console/main.js',
        '/admin/data/fleet',
        '/admin/nothing',
      ]) {
        const { headers } = await ask(path);
        const policy = String(headers['content-security-policy']);
        for (const directive of [
          "default-src 'none'",
          "script-src 'self'",
          "style-src 'self'",
          "frame-ancestors 'none'",
          "base-uri 'none'",
          "form-action 'none'",
          "require-trusted-types-for 'script'",
        ]) {
          expect(policy.split('; '), path).to.include(directive);
        }
        expect(policy, path).not.to.match(/unsafe|http|\*/);
        expect(headers, path).to.include({
          'x-content-type-options': 'nosniff',
          'referrer-policy': 'no-referrer',
          'x-frame-options': 'DENY',
          'cross-origin-resource-policy': 'same-origin',
        });
      }
    });

    it('names every script and style that there is, and has nothing inline', async () => {
      const { status, headers, text } = await page();
      expect([status, headers['content-type']]).to.deep.equal([200, 'text/html; charset=utf-8']);
      const named = [...text.matchAll(/(?:href|src)="\/admin\/console\/([^"]+)"/g)].map(([, name]) => name);
      const files = readdirSync(CONSOLE_DIR).filter((name) => /\.(js|css|svg)$/.test(name));
      expect(named).to.have.members(files);
      expect(text).not.to.match(/<script(?![^>]*\ssrc=)|<style|\sstyle=|\son\w+=/);
      for (const name of files) {
        const answer = await ask(`/admin/console/${name}`);
        expect([answer.status, answer.text], name).to.deep.equal([
          200,
          readFileSync(`${CONSOLE_DIR}/${name}`, 'utf8'),
        ]);
      }
    });

    it('is asked for again without being sent again while it is the same', async () => {
      const { headers } = await ask('/admin/console/main.js');
      expect(headers['cache-control']).to.equal('private, no-cache');
      const again = await ask('/admin/console/main.js', {
        headers: { 'if-none-match': String(headers.etag) },
      });
      expect([again.status, again.text]).to.deep.equal([304, '']);
    });

    it('has nothing beside it', async () => {
      for (const path of [
        '/admin/console',
        '/admin/console/',
        '/admin/console/index.html',
        '/admin/console/tsconfig.json',
        '/admin/console/types.d.ts',
        '/admin/console/../app.ts',
        '/admin/console/..%2fapp.ts',
        '/admin/console/%2e%2e/openapi/rtmanager.yaml',
        '/admin/console/%00.js',
        '/admin/console/MAIN.js',
        '/admin/data',
        '/admin/healthz',
        '/admin/metrics',
        '/admin/api',
      ]) {
        const answer = await ask(path);
        expect([answer.status, errorCode(answer)], path).to.be.deep.oneOf([
          [404, 'not_found'],
          [400, 'invalid_request'],
        ]);
      }
    });

    it('tells the token nowhere', async () => {
      const parts = [
        await page(),
        ...(await Promise.all(['/admin/data/fleet', '/admin/console/api.js'].map((path) => ask(path)))),
      ];
      for (const part of parts) expect(part.text + JSON.stringify(part.headers)).not.to.include(TOKEN);
    });
  });
});
