import { expect } from 'chai';
import { type DockerConnection, makeDockerConnection } from '../../lib/docker/connection.ts';
import { CALL_DEADLINE_MS } from '../../lib/docker/deadlines.ts';
import { hasNetwork } from '../../lib/docker/find-network.ts';
import { inspectContainer } from '../../lib/docker/inspect-container.ts';
import { inspectImage } from '../../lib/docker/inspect-image.ts';
import { listGameContainers } from '../../lib/docker/list-containers.ts';
import { ping } from '../../lib/docker/ping.ts';
import { removeContainer } from '../../lib/docker/remove-container.ts';
import { disconnectEndpoint, startContainer } from '../../lib/docker/start-container.ts';
import { stopContainer } from '../../lib/docker/stop-container.ts';
import { eventually } from '../helpers/eventually.ts';
import { failureOf, rejectionOf } from '../helpers/failure-of.ts';
import { type FakeDockerApi, makeFakeDockerApi } from '../helpers/fake-docker-api.ts';
import { answer, cutOff, drop, hang, hangInside, refuse } from '../helpers/fake-docker-scripts.ts';
import { hasten } from '../helpers/hasten.ts';

/** A signal that nobody aborts. */
const quiet = () => new AbortController().signal;

describe('the connection to Docker', () => {
  let api: FakeDockerApi;
  let connection: DockerConnection;

  beforeEach(async () => {
    api = await makeFakeDockerApi();
    connection = makeDockerConnection({ host: api.host });
  });
  afterEach(() => api.close());

  const speaks = (ApiVersion: string) =>
    api.route('GET /version', () => ({ status: 200, body: { ApiVersion } }));
  const versionsOfPings = () => api.sent('GET /_ping').map((request) => request.version);

  describe('negotiates the API version', () => {
    for (const [offered, used] of [
      ['1.41', 'v1.41'],
      ['1.45', 'v1.45'],
      ['1.51', 'v1.51'],
      ['1.52', 'v1.51'],
      ['2.0', 'v1.51'],
    ] as const) {
      it(`speaks ${used} with a daemon that offers ${offered}`, async () => {
        speaks(offered);
        await ping(connection, quiet());
        expect(versionsOfPings()).to.deep.equal([used]);
      });
    }

    for (const offered of ['1.40', '1.9', '0.99']) {
      it(`refuses a daemon that speaks ${offered} only, and says what it needs`, async () => {
        speaks(offered);
        const error = await failureOf(ping(connection, quiet()));
        expect(error).to.include({
          code: 'docker_unavailable',
          message: `The Docker daemon speaks API ${offered}; Runtime Manager needs 1.41 or newer`,
        });
        expect(api.sent('GET /_ping')).to.deep.equal([]);
      });
    }

    for (const body of [
      '{"Version":"27"}',
      'null',
      '<html>',
      '',
      '{"ApiVersion":7}',
      '{"ApiVersion":"new"}',
    ]) {
      it(`takes ${JSON.stringify(body)} for no Docker`, async () => {
        api.always('GET /version', answer(200, body));
        const error = await failureOf(ping(connection, quiet()));
        expect(error.code).to.equal('docker_unavailable');
        expect(error.message).to.match(/API/);
      });
    }

    it('asks once, however many calls come at once', async () => {
      await Promise.all(Array.from({ length: 10 }, () => ping(connection, quiet())));
      expect(api.sent('GET /version')).to.have.length(1);
    });

    it('asks again when the daemon went away and came back as another one', async () => {
      await ping(connection, quiet());
      const socketPath = api.host.slice('unix://'.length);
      await api.close();
      expect((await failureOf(ping(connection, quiet()))).code).to.equal('docker_unavailable');

      api = await makeFakeDockerApi({ socketPath });
      speaks('1.44');
      await ping(connection, quiet());
      expect(versionsOfPings()).to.deep.equal(['v1.44']);
    });

    it('asks again when a daemon that came back unnoticed does not speak the version any more', async () => {
      await ping(connection, quiet());
      speaks('1.50');
      api.always('GET /_ping', (exchange) =>
        exchange.request.version === 'v1.50'
          ? exchange.send(exchange.act())
          : exchange.send({ status: 400, body: { message: 'client version 1.41 is too old' } }),
      );
      await ping(connection, quiet());
      expect(versionsOfPings()).to.deep.equal(['v1.41', 'v1.41', 'v1.50']);
    });

    it('tells a 400 that is not about the version as it is, after one request', async () => {
      api.always('GET /_ping', refuse(400, 'bad parameter'));
      expect(await rejectionOf(ping(connection, quiet()))).to.include({
        status: 400,
        message: 'bad parameter',
      });
      expect(api.sent('GET /_ping')).to.have.length(1);
    });
  });

  describe('and the environment', () => {
    const kept = new Map(Object.entries(process.env));
    afterEach(() => {
      for (const name of ['DOCKER_HOST', 'DOCKER_TLS_VERIFY', 'DOCKER_CERT_PATH', 'DOCKER_CLIENT_TIMEOUT']) {
        const before = kept.get(name);
        if (before === undefined) delete process.env[name];
        else process.env[name] = before;
      }
    });

    for (const [what, variables] of [
      ['DOCKER_HOST', { DOCKER_HOST: 'tcp://127.0.0.1:1' }],
      ['DOCKER_HOST with TLS', { DOCKER_HOST: 'tcp://127.0.0.1:2376', DOCKER_TLS_VERIFY: '1' }],
      ['DOCKER_HOST by ssh', { DOCKER_HOST: 'ssh://nobody@127.0.0.1' }],
      ['a DOCKER_HOST that is no address', { DOCKER_HOST: 'tcp://[' }],
      [
        'a DOCKER_CERT_PATH that is not there',
        { DOCKER_HOST: 'tcp://127.0.0.1:1', DOCKER_CERT_PATH: '/nowhere' },
      ],
      ['DOCKER_CLIENT_TIMEOUT', { DOCKER_HOST: 'tcp://127.0.0.1:1', DOCKER_CLIENT_TIMEOUT: '1' }],
    ] as const) {
      it(`goes to the configured address whatever ${what} says, and leaves it as it is`, async () => {
        Object.assign(process.env, variables);
        await ping(makeDockerConnection({ host: api.host }), quiet());
        expect(api.sent('GET /_ping')).to.have.length(1);
        expect(process.env).to.include(variables);
      });
    }
  });

  describe('gives each call a deadline', () => {
    type Call = (connection: DockerConnection) => Promise<unknown>;
    const calls: readonly [verb: string, deadlineMs: number, call: Call][] = [
      ['ping', 2_000, (to) => ping(to, quiet())],
      ['list containers', 10_000, (to) => listGameContainers(to, { gameId: 'g', network: 'n' }, quiet())],
      ['list networks', 10_000, (to) => hasNetwork(to, 'n', quiet())],
      ['inspect container', 10_000, (to) => inspectContainer(to, 'c', quiet())],
      ['inspect image', 10_000, (to) => inspectImage(to, 'i:1', quiet())],
      [
        'disconnect network',
        10_000,
        (to) => disconnectEndpoint(to, { network: 'n', container: 'c' }, quiet()),
      ],
      ['start container', 60_000, (to) => startContainer(to, 'c', quiet())],
      ['remove container', 60_000, (to) => removeContainer(to, 'c', quiet())],
      ['stop container', 50_000, (to) => stopContainer(to, { id: 'c', graceSeconds: 30 }, quiet())],
    ];
    const ROUTES = [
      'GET /_ping',
      'GET /containers/json',
      'GET /networks',
      'GET /containers/:id/json',
      'GET /images/:name*/json',
      'POST /networks/:name/disconnect',
      'POST /containers/:id/start',
      'DELETE /containers/:id',
      'POST /containers/:id/stop',
    ];

    for (const [verb, deadlineMs, call] of calls) {
      for (const [how, script] of [
        ['never answers', hang()],
        ['stops in the middle of its answer', hangInside(200, '[{"Id":')],
        ['breaks off in the middle of its answer', cutOff(200, '[{"Id":')],
      ] as const) {
        it(`"${verb}" ends by its deadline when Docker ${how} (failure mode 6)`, async () => {
          for (const route of ROUTES) api.always(route, script);
          const hastened = hasten(connection, deadlineMs / 60);
          const error = await failureOf(call(hastened));
          expect(error.code).to.equal('docker_unavailable');
          expect(error.message).to.match(new RegExp(`^Docker did not answer to "${verb}": `));
          expect(hastened.asked).to.deep.equal(new Map([[verb, deadlineMs]]));
          await eventually(() => api.connections === 0, { what: 'the hung request to be given up' });
        });
      }
    }

    it('does not wait for it when an answer has broken off (failure mode 10)', async () => {
      for (const route of ROUTES) api.always(route, cutOff(200, '[{"Id":'));
      const beganMs = performance.now();
      for (const [, , call] of calls) {
        expect((await failureOf(call(connection))).code).to.equal('docker_unavailable');
      }
      expect(performance.now() - beganMs).to.be.below(2_000);
      expect(api.connections).to.equal(0);
    });

    it('holds nobody longer than that while the version is being negotiated (failure mode 10)', async () => {
      api.always('GET /version', hang());
      const error = await failureOf(ping(hasten(connection, CALL_DEADLINE_MS.ping / 60), quiet()));
      expect(error.code).to.equal('docker_unavailable');
      expect(error.message).to.equal('Docker did not answer to "ping": no answer within its deadline');
    });

    it('wedges no other call by one that hangs (failure mode 10)', async () => {
      api.script('GET /containers/:id/json', hang());
      const caller = new AbortController();
      const hung = inspectContainer(connection, 'c', caller.signal);
      await eventually(() => api.sent('GET /containers/:id/json').length === 1, { what: 'the inspection' });
      await ping(connection, quiet());
      caller.abort(new Error('enough'));
      expect((await rejectionOf(hung)).message).to.equal('enough');
    });
  });

  describe('and its caller', () => {
    for (const [when, route] of [
      ['a call', 'GET /_ping'],
      ['the negotiation', 'GET /version'],
    ] as const) {
      it(`tells the caller's own reason when it aborts ${when}`, async () => {
        api.always(route, hang());
        const caller = new AbortController();
        const attempt = ping(connection, caller.signal);
        await eventually(() => api.sent(route).length === 1, { what: 'the request' });
        const reason = new Error('the lease is over');
        caller.abort(reason);
        expect(await rejectionOf(attempt)).to.equal(reason);
      });
    }

    it('asks nothing for a caller that has aborted already', async () => {
      const reason = new Error('too late');
      expect(await rejectionOf(ping(connection, AbortSignal.abort(reason)))).to.equal(reason);
      expect(api.requests).to.deep.equal([]);
    });

    it('does not take its negotiation away from the others', async () => {
      let tell = (): void => {};
      const gate = new Promise<void>((resolve) => {
        tell = resolve;
      });
      api.always('GET /version', async (exchange) => {
        await gate;
        exchange.send(exchange.act());
      });
      const caller = new AbortController();
      const [left, stays] = [ping(connection, caller.signal), ping(connection, quiet())];
      caller.abort(new Error('gone'));
      await rejectionOf(left);
      tell();
      await stays;
      expect(versionsOfPings()).to.deep.equal(['v1.41']);
      expect(api.sent('GET /version')).to.have.length(1);
    });
  });

  it('calls a daemon that drops the connection unavailable', async () => {
    api.always('GET /_ping', drop());
    const error = await failureOf(ping(connection, quiet()));
    expect(error.code).to.equal('docker_unavailable');
    expect(error.message).to.equal('Docker did not answer to "ping": socket hang up');
  });

  it('calls a daemon that is not there unavailable', async () => {
    await api.close();
    const error = await failureOf(ping(connection, quiet()));
    expect(error.code).to.equal('docker_unavailable');
    expect(error.message).to.match(/^Docker did not answer to "ping": connect (ENOENT|ECONNREFUSED) /);
  });
});
