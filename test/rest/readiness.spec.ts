import { expect } from 'chai';
import type { DatabasePool } from 'slonik';
import { RuntimeError } from '../../lib/errors.ts';
import { type ReadinessChecks, shareReadiness } from '../../openapi/readiness.ts';
import { eventually } from '../helpers/eventually.ts';
import { exchange } from '../helpers/http-exchange.ts';
import { makeRestService, type RestService } from '../helpers/rest-service.ts';

interface Ready {
  readonly status: string;
  readonly checks: Readonly<
    Record<
      string,
      {
        readonly status: string;
        readonly message?: string;
        readonly warnings?: string[];
        readonly duration_ms: number;
      }
    >
  >;
}

describe('GET /readyz and /healthz', () => {
  let rest: RestService | undefined;
  afterEach(() => rest?.close());

  const askWith = async (readiness: Partial<ReadinessChecks>, method = 'GET') => {
    rest = await makeRestService({ db: {} as DatabasePool, readiness });
    const answer = await rest.ask('/readyz', { method });
    return { ...answer, ready: answer.json as Ready };
  };

  it('tells that all five are there', async () => {
    const { status, ready } = await askWith({});
    expect(status).to.equal(200);
    expect(ready.status).to.equal('ready');
    expect(Object.entries(ready.checks).map(([name, check]) => [name, check.status])).to.deep.equal([
      ['postgres', 'ok'],
      ['redis', 'ok'],
      ['docker', 'ok'],
      ['network', 'ok'],
      ['state_root', 'ok'],
    ]);
  });

  for (const name of ['postgres', 'redis', 'docker', 'network', 'state_root'] as const) {
    it(`names ${name} when it is the one that fails, and is alive all the same (failure mode 10)`, async () => {
      const { status, ready } = await askWith({ [name]: () => Promise.reject(new Error('it is away')) });
      expect(status).to.equal(503);
      expect(ready.status).to.equal('not_ready');
      for (const [asked, check] of Object.entries(ready.checks)) {
        expect(check.status, asked).to.equal(asked === name ? 'failed' : 'ok');
      }
      expect(ready.checks[name]?.message).to.equal('it is away');
      expect((await rest?.ask('/healthz'))?.json).to.deep.equal({ status: 'ok' });
    });
  }

  it('says something about a failure that says nothing itself', async () => {
    const refusals = [new Error('connect ECONNREFUSED ::1:1'), new Error('connect ECONNREFUSED 127.0.0.1:1')];
    const { ready } = await askWith({
      // As Node reports a name with two addresses that both refuse.
      redis: () => Promise.reject(new AggregateError(refusals)),
      docker: () => Promise.reject(new Error('')),
      postgres: () => Promise.reject('a text'),
      network: () =>
        Promise.reject(new RuntimeError('start_config_invalid', 'Docker network "x" does not exist')),
    });
    expect(ready.checks.redis?.message).to.include('ECONNREFUSED');
    expect(ready.checks.docker?.message).to.be.a('string').that.is.not.empty;
    expect(ready.checks.postgres?.message).to.equal('a text');
    expect(ready.checks.network?.message).to.equal('Docker network "x" does not exist');
  });

  it('stays ready with a warning and shows the warning without its password', async () => {
    const { status, ready } = await askWith({ redis: async () => ['redis://rtm:hunter2@db evicts keys'] });
    expect(status).to.equal(200);
    expect(ready.checks.redis).to.deep.include({ status: 'ok', warnings: ['redis://***@db evicts keys'] });
    expect(ready.checks.postgres).not.to.have.property('warnings');
  });

  it('shows no password that a failure quotes', async () => {
    const { text } = await askWith({
      postgres: () => Promise.reject(new Error('no route to postgres://rtm:hunter2@db:5432/rtm')),
    });
    expect(text).not.to.include('hunter2');
  });

  it('survives a check that throws instead of rejecting', async () => {
    const { ready } = await askWith({
      docker: () => {
        throw new Error('thrown');
      },
    });
    expect(ready.checks.docker).to.include({ status: 'failed', message: 'thrown' });
  });

  it('does not wait for one that never answers, and tells it to stop', async () => {
    let told = false;
    const { status, ready } = await askWith({
      docker: (signal) =>
        new Promise(() => {
          signal.addEventListener('abort', () => {
            told = true;
          });
        }),
    });
    expect(status).to.equal(503);
    expect(ready.checks.docker).to.include({ status: 'failed', message: 'no answer within 3000 ms' });
    expect(ready.checks.postgres).to.include({ status: 'ok' });
    expect(told).to.equal(true);
  });

  it('tells the reasons only with the token, and names each check without it', async () => {
    const token = '0123456789abcdef0123456789abcdef';
    const readiness = {
      docker: () => Promise.reject(new Error('no answer from /run/secret.sock')),
      redis: () => Promise.resolve(['maxmemory-policy is allkeys-lru']),
    };
    rest = await makeRestService({ db: {} as DatabasePool, token, readiness });
    const ok = { status: 'ok' };
    for (const headers of [{}, { authorization: 'Bearer wrong' }]) {
      const answer = await rest.ask('/readyz', { headers });
      expect(answer.status).to.equal(503);
      const { status, checks } = answer.json as Ready;
      const shown = Object.entries(checks).map(([name, { duration_ms, ...rest }]) => [name, rest]);
      expect({ status, checks: Object.fromEntries(shown) }).to.deep.equal({
        status: 'not_ready',
        checks: { postgres: ok, redis: ok, docker: { status: 'failed' }, network: ok, state_root: ok },
      });
    }
    const basic = `Basic ${Buffer.from(`any:${token}`).toString('base64')}`;
    for (const [path, authorization] of [
      ['/readyz', `Bearer ${token}`],
      ['/admin/data/readyz', basic],
    ] as const) {
      const { checks } = (await exchange(rest.url, path, { headers: { authorization } })).json as Ready;
      expect(checks.docker?.message, path).to.equal('no answer from /run/secret.sock');
      expect(checks.redis, path).to.deep.include({ warnings: ['maxmemory-policy is allkeys-lru'] });
    }
  });

  it('tells no reason to a page that led its own name here, where no token is configured', async () => {
    rest = await makeRestService({
      db: {} as DatabasePool,
      readiness: { docker: () => Promise.reject(new Error('at /run/secret.sock')) },
    });
    expect((await rest.ask('/readyz', { headers: { host: 'evil.example' } })).text).not.to.include('secret');
    expect((await rest.ask('/readyz')).text).to.include('secret');
  });

  it('asks the dependencies once for all who ask at a time, and within a second', async () => {
    let asked = 0;
    const gate = Promise.withResolvers<void>();
    const count = async (): Promise<readonly string[]> => {
      asked += 1;
      await gate.promise;
      return [];
    };
    const share = shareReadiness(
      { postgres: count, redis: count, docker: count, network: count, state_root: count },
      20,
    );
    const all = Array.from({ length: 300 }, () => share());
    gate.resolve();
    expect(new Set(await Promise.all(all))).to.have.property('size', 1);
    await share();
    expect(asked).to.equal(5);
    await eventually(async () => (await share()) && asked > 5, { what: 'a check anew', intervalMs: 5 });
    expect(asked).to.equal(10);
  });

  it('answers HEAD with the same status', async () => {
    expect(await askWith({ redis: () => Promise.reject(new Error('away')) }, 'HEAD')).to.include({
      status: 503,
      text: '',
    });
  });
});
