import { createServer } from 'node:net';
import { expect } from 'chai';
import type { DatabasePool } from 'slonik';
import { makePool } from '../../sql/pool.ts';
import { swapRecord } from '../../sql/runtime-records.ts';
import { errorCode, errorMessage } from '../helpers/assert-contract.ts';
import { useFakeTimers } from '../helpers/fake-timers.ts';
import type { HttpExchange } from '../helpers/http-exchange.ts';
import { makeRecord } from '../helpers/records.ts';
import { makeRestService } from '../helpers/rest-service.ts';
import { makeStore, type Store } from '../helpers/store.ts';
import { makePostgresProxy } from '../helpers/tcp-proxy.ts';

describe('the REST API, when something fails', () => {
  let store: Store;
  before(async function () {
    // The first suite of a run waits for PostgreSQL's container.
    this.timeout(60_000);
    store = await makeStore();
  });
  after(() => store?.destroy());

  const verdict = (answer: HttpExchange) => [answer.status, errorCode(answer)];

  it('answers service_unavailable while PostgreSQL is gone, and works again when it is back', async () => {
    const proxy = await makePostgresProxy(store.dsn);
    const db = await makePool({ dsn: proxy.dsn, max: 2, name: 'test-rest' });
    const rest = await makeRestService({ db });
    try {
      expect((await rest.runtimes()).status).to.equal(200);
      await proxy.close();
      for (const path of ['', '/nobody']) {
        const answer = await rest.runtimes(path);
        expect(verdict(answer)).to.deep.equal([503, 'service_unavailable']);
        expect(errorMessage(answer)).to.equal('PostgreSQL can not be reached; try again');
      }
      expect((await rest.ask('/healthz')).status, 'still alive').to.equal(200);
      const [line] = rest.log.lines;
      expect(line).to.include({ level: 'error', message: 'request failed' });
      expect(line?.fields).to.include({ method: 'GET', path: '/api/v1/internal/runtimes' });
      await proxy.open();
      expect((await rest.runtimes('/nobody')).status).to.equal(404);
    } finally {
      await rest.close();
      await db.end();
      await proxy.close();
    }
  });

  it('answers service_unavailable when PostgreSQL says nothing, and reads again over another connection', async () => {
    const asked = { count: 0, silent: true };
    const any = (query: Parameters<typeof store.db.any>[0]) => {
      asked.count += 1;
      return asked.silent ? new Promise(() => {}) : store.db.any(query);
    };
    const timers = useFakeTimers();
    const rest = await makeRestService({ db: { any } as unknown as DatabasePool });
    try {
      for (const path of ['', '/nobody']) {
        const before = asked.count;
        const asking = rest.runtimes(path);
        while (asked.count === before) await new Promise((resolve) => setImmediate(resolve));
        timers.tick(10_000);
        expect(verdict(await asking)).to.deep.equal([503, 'service_unavailable']);
      }
      asked.silent = false;
      expect((await rest.runtimes()).status).to.equal(200);
      expect((await rest.runtimes('/nobody')).status).to.equal(404);
    } finally {
      timers.restore();
      await rest.close();
    }
  });

  it('replaces every connection that has fallen silent, and serves on', async () => {
    const proxy = await makePostgresProxy(store.dsn);
    const db = await makePool({ dsn: proxy.dsn, max: 2, name: 'test-rest', queryTimeoutMs: 200 });
    const rest = await makeRestService({ db, waitMs: 0 });
    const restart = () => rest.runtimes('/g/restart', { method: 'POST' });
    const statuses = async (...asked: Promise<HttpExchange>[]) =>
      (await Promise.all(asked)).map((answer) => answer.status);
    const reads = () => statuses(rest.runtimes(), rest.runtimes('/nobody'));
    try {
      for (const [what, ask, well] of [
        ['in a query', reads, [200, 404]],
        ['in a transaction', () => statuses(restart(), restart()), [202, 202]],
      ] as const) {
        expect(await ask(), what).to.deep.equal(well);
        proxy.strand();
        expect(await ask(), what).to.deep.equal([503, 503]);
        expect(await ask(), what).to.deep.equal(well);
      }
    } finally {
      await rest.close();
      await db.end();
      await proxy.close();
    }
  });

  it('answers service_unavailable when the database itself was dropped', async () => {
    const other = await makeStore();
    const db = await makePool({ dsn: other.dsn, max: 2, name: 'test-rest' });
    const rest = await makeRestService({ db });
    try {
      await other.destroy();
      expect(verdict(await rest.runtimes())).to.deep.equal([503, 'service_unavailable']);
    } finally {
      await rest.close();
      await db.end();
    }
  });

  it('answers service_unavailable while a table is not there, and reads again when it is back', async () => {
    const other = await makeStore();
    const rest = await makeRestService({ db: other.db });
    try {
      expect((await rest.runtimes()).status).to.equal(200);
      await other.rows('alter table rtmanager.runtime_records rename to elsewhere');
      const answer = await rest.runtimes();
      expect(verdict(answer)).to.deep.equal([503, 'service_unavailable']);
      expect(errorMessage(answer)).to.include('tables of Runtime Manager');
      await other.rows('alter table rtmanager.elsewhere rename to runtime_records');
      expect((await rest.runtimes()).status).to.equal(200);
    } finally {
      await rest.close();
      await other.destroy();
    }
  });

  it('answers internal_error for a row that nobody understands, which no repetition helps', async () => {
    const other = await makeStore();
    const rest = await makeRestService({ db: other.db });
    try {
      await swapRecord(other.db, { expected: null, next: makeRecord({ gameId: 'odd' }) });
      await other.rows("update rtmanager.runtime_records set created_at = 'infinity'");
      const answer = await rest.runtimes('/odd');
      expect(verdict(answer)).to.deep.equal([500, 'internal_error']);
      expect(errorMessage(answer)).to.equal('Unexpected failure inside Runtime Manager');
      expect(rest.log.lines).to.have.length(1);
    } finally {
      await rest.close();
      await other.destroy();
    }
  });

  for (const [what, thrown] of [
    ['an error', new Error('secret at /srv/rtm/lib.ts:12')],
    ['one with a status of its own', Object.assign(new Error('secret'), { status: 500 })],
    ['one that claims to be about the client', Object.assign(new Error('secret'), { status: 200 })],
    ['a text', 'secret'],
    ['nothing', undefined],
  ] as const) {
    it(`answers internal_error when ${what} is thrown inside, and tells only the log`, async () => {
      const rest = await makeRestService({ db: throwing(thrown) });
      try {
        for (const path of ['', '/game-1']) {
          const answer = await rest.runtimes(path);
          expect(verdict(answer)).to.deep.equal([500, 'internal_error']);
          expect(errorMessage(answer)).to.equal('Unexpected failure inside Runtime Manager');
          expect(answer.text).not.to.match(/secret|srv|stack/);
        }
        expect(rest.log.lines).to.have.length(2);
        const [line] = rest.log.lines;
        expect(line?.fields.error).to.be.an.instanceOf(Error);
        if (thrown instanceof Error) expect(line?.fields.error).to.have.property('cause', thrown);
      } finally {
        await rest.close();
      }
    });
  }

  it('takes a database that refuses what was asked for the failure of RTM that it is', async () => {
    const refused = Object.assign(new Error('invalid input syntax for type uuid'), { code: '22P02' });
    const rest = await makeRestService({ db: throwing(refused) });
    try {
      expect(verdict(await rest.runtimes())).to.deep.equal([500, 'internal_error']);
    } finally {
      await rest.close();
    }
  });

  it('logs what a client did wrong at no level that wakes anybody', async () => {
    const rest = await makeRestService({ db: store.db, token: 'x' });
    try {
      await rest.runtimes();
      await rest.ask('/nothing');
      expect(rest.log.lines).to.deep.equal([]);
    } finally {
      await rest.close();
    }
  });

  it('fails to listen on a port that is taken, instead of waiting for it', async () => {
    const blocker = createServer();
    await new Promise<void>((resolve) => blocker.listen(0, '127.0.0.1', resolve));
    const address = blocker.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    try {
      const attempt = makeRestService({ db: store.db, http: { listen: { host: '127.0.0.1', port } } });
      expect(await attempt.then(String, (error: NodeJS.ErrnoException) => error.code)).to.equal('EADDRINUSE');
    } finally {
      blocker.close();
    }
  });
});

/** A database whose every query fails in that way. */
function throwing(thrown: unknown): DatabasePool {
  const fail = () => Promise.reject(thrown);
  return { any: fail, maybeOne: fail, query: fail, one: fail } as unknown as DatabasePool;
}
