import { Writable } from 'node:stream';
import { expect } from 'chai';
import { makeLogger } from '../../lib/logger.ts';
import { BOARD_PATH } from '../../openapi/admin.ts';
import { makePool } from '../../sql/pool.ts';
import { startBoard } from '../helpers/board.ts';
import { exchange } from '../helpers/http-exchange.ts';
import type { MemoryLogger } from '../helpers/memory-logger.ts';
import { failing, makePlayedRunner } from '../helpers/played-runner.ts';
import { makeQueueSide } from '../helpers/queue-side.ts';
import { makeRedis } from '../helpers/redis.ts';
import { makeRestService } from '../helpers/rest-service.ts';
import { makeStore, type Store } from '../helpers/store.ts';
import { makePostgresProxy } from '../helpers/tcp-proxy.ts';

const TOKEN = 'correct-horse-battery-staple';
/** What a client may send that is nobody's business but its own. */
const SECRETS = [TOKEN, 'wrong-horse', 'key-of-the-client', 'image-of-the-client'];

const HEADERS = { authorization: `Bearer ${TOKEN}`, 'idempotency-key': 'key-of-the-client' };
const START = { method: 'POST', headers: HEADERS, body: { image_ref: 'image-of-the-client' } };
const PATH = '/api/v1/internal/runtimes/g/start';

/** The lines as they would stand in the log of a process. */
function written({ lines }: MemoryLogger): string {
  let text = '';
  const destination = new Writable({
    write(chunk, _encoding, done) {
      text += chunk;
      done();
    },
  });
  const logger = makeLogger({ level: 'debug', replica: 'test', destination });
  for (const { level, message, fields } of lines) logger[level](message, fields);
  return text;
}

describe('what a client sends is not found in the log', () => {
  let store: Store;
  before(async function () {
    // The first suite of a run waits for PostgreSQL's container.
    this.timeout(60_000);
    store = await makeStore();
  });
  after(() => store?.destroy());
  beforeEach(() => store.clear());

  const expectNothingOf = (log: MemoryLogger, linesAtLeast = 0) => {
    expect(log.lines.length).to.be.at.least(linesAtLeast);
    for (const secret of SECRETS) expect(written(log)).not.to.include(secret);
  };

  it('when it is refused', async () => {
    const rest = await makeRestService({ db: store.db, token: TOKEN });
    try {
      for (const options of [
        { ...START, headers: { ...HEADERS, authorization: 'Bearer wrong-horse' } },
        { ...START, headers: { ...HEADERS, 'x-galaxy-caller': 'nobody' } },
        { ...START, body: '{"image_ref":"image-of-the-client"' },
        { ...START, body: { image_ref: 'image-of-the-client', more: 1 } },
      ]) {
        const { status, text } = await exchange(rest.url, PATH, options);
        expect(status).to.be.oneOf([400, 401, 415]);
        expect(text).not.to.include(TOKEN).and.not.to.include('wrong-horse');
      }
      expectNothingOf(rest.log);
    } finally {
      await rest.close();
    }
  });

  it('when its operation fails, and Redis takes no jobs', async () => {
    const runner = makePlayedRunner(store);
    runner.end = () => failing('internal_error');
    const wake: typeof runner.wake = async (games) => {
      await runner.wake(games);
      throw new Error('Redis is away');
    };
    const rest = await makeRestService({ db: store.db, token: TOKEN, wake });
    try {
      expect((await rest.ask(PATH, START)).status).to.equal(500);
      expectNothingOf(rest.log, 1);
    } finally {
      await rest.close();
    }
  });

  it('when PostgreSQL refuses the row, or is away', async () => {
    const other = await makeStore();
    const proxy = await makePostgresProxy(other.dsn);
    const db = await makePool({ dsn: proxy.dsn, max: 2, name: 'test-rest' });
    const rest = await makeRestService({ db, token: TOKEN });
    try {
      await other.rows('alter table rtmanager.operation_log add constraint never check (image_ref is null)');
      expect((await rest.ask(PATH, START)).status).to.equal(500);
      await proxy.close();
      expect((await rest.ask(PATH, START)).status).to.equal(503);
      expectNothingOf(rest.log, 2);
    } finally {
      await rest.close();
      await db.end();
      await proxy.close();
      await other.destroy();
    }
  });

  it('when the queue board is sent what it can not read', async () => {
    await using stack = new AsyncDisposableStack();
    const redis = stack.adopt(await makeRedis(), (one) => one.release());
    const side = stack.use(await makeQueueSide({ store, redis, queueCount: 1 }));
    const board = stack.use(await startBoard({ side, redis }));
    const path = `${BOARD_PATH}/api/queues/lifecycle-0/add`;
    const headers = { 'Content-Type': 'application/json' };
    for (const [body, status, type] of [
      ['{"data":"image-of-the-client"', 400, {}],
      ['image-of-the-client', 400, {}],
      ['image-of-the-client', 415, { 'Content-Type': 'application/json; charset=image-of-the-client' }],
      [JSON.stringify({ data: 'image-of-the-client'.repeat(10_000) }), 413, {}],
    ] as const) {
      const answer = await exchange(board.rest.url, path, {
        method: 'POST',
        headers: { ...headers, ...type },
        body,
      });
      expect(answer.status).to.equal(status);
      expect(answer.text.toLowerCase()).not.to.include('image').and.not.to.include('stack');
    }
    const lines = [...side.log.lines, ...board.rest.log.lines];
    expect(lines.map(({ message }) => message)).to.deep.equal(
      Array(4).fill('a change was asked for on the queue board'),
    );
    expect(JSON.stringify(lines)).not.to.include('image-of-the-client');
  });
});
