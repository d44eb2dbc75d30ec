import { expect } from 'chai';
import { errorCode } from '../helpers/assert-contract.ts';
import { startBoard, type TestBoard } from '../helpers/board.ts';
import { exchange } from '../helpers/http-exchange.ts';
import { makeQueueSide, type QueueSide } from '../helpers/queue-side.ts';
import { makeRedis, type TestRedis } from '../helpers/redis.ts';
import { makeStore, type Store } from '../helpers/store.ts';

const TOKEN = 'correct-horse-battery-staple';
const PAUSE = '/admin/queues/api/queues/lifecycle-0/pause';
const basic = (userAndPassword: string) => `Basic ${Buffer.from(userAndPassword).toString('base64')}`;

describe('the pages for operators', () => {
  const stack = new AsyncDisposableStack();
  let store: Store;
  let redis: TestRedis;
  let side: QueueSide;
  let closed: TestBoard;
  let open: TestBoard;

  before(async function () {
    this.timeout(60_000);
    store = stack.adopt(await makeStore(), (one) => one.destroy());
    redis = stack.adopt(await makeRedis(), (one) => one.release());
    side = stack.use(await makeQueueSide({ store, redis, queueCount: 1 }));
    closed = stack.use(await startBoard({ side, redis, token: TOKEN }));
    open = stack.use(await startBoard({ side, redis }));
  });
  after(() => stack.disposeAsync());
  afterEach(async () => {
    await side.dispatcher.queues[0]?.resume();
  });

  const ask = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
    exchange(closed.rest.url, path, { method, headers });
  const isPaused = () => side.dispatcher.queues[0]?.isPaused();

  it('log a change on the board with who asked for it', async () => {
    const answer = await ask(
      PAUSE,
      { authorization: basic(`any:${TOKEN}`), 'x-galaxy-caller': 'admin' },
      'PUT',
    );
    expect(answer.status).to.equal(200);
    const line = closed.rest.log.lines.find(({ message }) => message.includes('on the queue board'));
    expect(line?.fields).to.include({ method: 'PUT', path: PAUSE, status: 200, caller: 'admin' });
    expect(line?.fields.address).to.match(/127\.0\.0\.1$/);
  });

  describe('behind a token', () => {
    for (const authorization of [
      `Bearer ${TOKEN}`,
      basic(`operator:${TOKEN}`),
      basic(`:${TOKEN}`),
      basic(`jürgen:${TOKEN}`).replace('Basic', 'basic'),
    ]) {
      it(`let "${authorization.slice(0, 16)}…" in`, async () => {
        for (const path of ['/admin/queues', '/admin/queues/', '/admin/queues/api/queues']) {
          expect((await ask(path, { authorization })).status, path).to.equal(200);
        }
        expect((await ask(PAUSE, { authorization }, 'PUT')).status).to.equal(200);
        expect(await isPaused()).to.equal(true);
      });
    }

    for (const [what, authorization] of [
      ['no header', undefined],
      ['a wrong password', basic(`operator:${TOKEN}x`)],
      ['the token as the user', basic(`${TOKEN}:`)],
      ['the token without a user', basic(TOKEN)],
      ['a colon too many', basic(`operator::${TOKEN}`)],
      ['no base64', 'Basic ???'],
      ['the token as it is', `Basic ${TOKEN}`],
      ['an empty password', basic('operator:')],
      ['a wrong bearer token', `Bearer ${TOKEN}x`],
    ] as const) {
      it(`let nobody in with ${what}, and ask browsers for the password`, async () => {
        const headers = authorization === undefined ? {} : { authorization };
        for (const [method, path] of [
          ['GET', '/admin'],
          ['GET', '/admin/queues'],
          ['GET', '/admin/queues/api/queues'],
          ['GET', '/admin/queues/static/favicon.ico'],
          ['PUT', PAUSE],
        ] as const) {
          const answer = await ask(path, headers, method);
          expect([answer.status, errorCode(answer)], path).to.deep.equal([401, 'unauthorized']);
          expect(answer.headers['www-authenticate'], path).to.match(/^Basic realm="[^"]+"/);
          expect(answer.text).not.to.include(TOKEN);
        }
        expect(await isPaused()).to.equal(false);
      });
    }

    it('are the only ones that take a password: the API takes none, and asks for none', async () => {
      const authorization = basic(`operator:${TOKEN}`);
      for (const path of ['/api/v1/internal/runtimes', '/administration', '/nothing']) {
        const answer = await ask(path, { authorization });
        expect([answer.status, answer.headers['www-authenticate']], path).to.deep.equal([401, 'Bearer']);
      }
    });
  });

  describe('called by the page of another site', () => {
    const here = () => new URL(closed.rest.url).host;
    const put = (headers: Record<string, string>) =>
      ask(PAUSE, { authorization: basic(`operator:${TOKEN}`), ...headers }, 'PUT');

    it('do nothing, whatever shows that it is another one', async () => {
      for (const headers of [
        { 'sec-fetch-site': 'cross-site' },
        { 'sec-fetch-site': 'same-site' },
        { 'sec-fetch-site': '' },
        { origin: 'https://evil.example' },
        { origin: 'null' },
        { origin: `http://${here()}.evil.example` },
        { origin: 'http://127.0.0.1:1' },
        { origin: `http://${here()}`, 'sec-fetch-site': 'cross-site' },
        { origin: 'https://evil.example', 'sec-fetch-site': 'same-origin' },
      ]) {
        const answer = await put(headers);
        expect([answer.status, errorCode(answer)], JSON.stringify(headers)).to.deep.equal([
          401,
          'unauthorized',
        ]);
        expect(await isPaused(), JSON.stringify(headers)).to.equal(false);
      }
    });

    it('do nothing without a token either', async () => {
      const answer = await exchange(open.rest.url, PAUSE, {
        method: 'PUT',
        headers: { 'sec-fetch-site': 'cross-site' },
      });
      expect(answer.status).to.equal(401);
      expect(await isPaused()).to.equal(false);
    });

    it('serve their own pages, and people without a browser', async () => {
      for (const headers of [
        {},
        { 'sec-fetch-site': 'same-origin', origin: `http://${here()}` },
        { 'sec-fetch-site': 'none' },
        { origin: `http://${here()}` },
      ]) {
        await side.dispatcher.queues[0]?.resume();
        expect((await put(headers)).status, JSON.stringify(headers)).to.equal(200);
        expect(await isPaused()).to.equal(true);
      }
    });
  });

  it('are open where no token is configured', async () => {
    expect((await exchange(open.rest.url, '/admin/queues')).status).to.equal(200);
    expect((await open.queue('lifecycle-0')).isPaused).to.equal(false);
  });

  it('may load nothing from elsewhere and be framed by nobody, and tell nothing of what they are made of', async () => {
    for (const path of ['/admin/queues', '/admin/queues/api/queues']) {
      const { headers } = await exchange(open.rest.url, path);
      const policy = headers['content-security-policy'];
      expect(policy, path).to.include("default-src 'none'").and.include("frame-ancestors 'none'");
      expect(policy, path).to.include("script-src 'self';").and.not.include('http');
      expect(headers, path).to.include({
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'same-origin',
        'x-frame-options': 'DENY',
      });
      expect(headers, path).not.to.have.any.keys('x-powered-by', 'server');
    }
  });

  it('bring every script and style of the page themselves, under the path that it names', async () => {
    const page = await exchange(open.rest.url, '/admin/queues/queue/lifecycle-0');
    expect(page.text).to.include('<base href="/admin/queues/"');
    const own = [...page.text.matchAll(/(?:src|href)="(static\/[^"]+)"/g)].map(([, path]) => path);
    expect(own).to.have.length.above(3);
    for (const path of own) {
      expect((await exchange(open.rest.url, `/admin/queues/${path}`)).status, path).to.equal(200);
    }
    const inline = [...page.text.matchAll(/<script(?![^>]*(?:src=|type="application\/json"))/g)];
    expect(inline, 'scripts that the policy forbids').to.deep.equal([]);
  });

  it('answer in the usual form where there is nothing', async () => {
    for (const path of ['/admin/nothing', '/admin/queues/nothing']) {
      const answer = await exchange(open.rest.url, path);
      expect([answer.status, errorCode(answer)], path).to.deep.equal([404, 'not_found']);
    }
  });
});
