import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { type DockerAddress, makeDockerConnection } from '../../lib/docker/connection.ts';
import { inspectContainer } from '../../lib/docker/inspect-container.ts';
import { ping } from '../../lib/docker/ping.ts';
import { type Authority, type Certificate, makeAuthority } from '../helpers/certificates.ts';
import { failureOf } from '../helpers/failure-of.ts';
import { type FakeDockerApi, makeFakeDockerApi } from '../helpers/fake-docker-api.ts';

const pingAt = (address: DockerAddress) => ping(makeDockerConnection(address), AbortSignal.timeout(5_000));

describe('Docker over tcp://', () => {
  let api: FakeDockerApi;
  afterEach(() => api.close());

  for (const hostname of ['127.0.0.1', '::1']) {
    it(`is reached at ${hostname}, with paths and queries as on a socket`, async () => {
      api = await makeFakeDockerApi({ hostname });
      await pingAt({ host: api.host });
      const connection = makeDockerConnection({ host: api.host });
      expect(await inspectContainer(connection, 'galaxy-game-a', AbortSignal.timeout(5_000))).to.equal(null);
      expect(api.requests.map((request) => request.url)).to.deep.equal([
        '/version',
        '/v1.41/_ping',
        '/version',
        '/v1.41/containers/galaxy-game-a/json',
      ]);
    });
  }

  describe('with TLS', () => {
    let directory: string;
    let authority: Authority;
    let client: Certificate;
    const file = (name: string) => path.join(directory, name);

    before(async () => {
      directory = await mkdtemp(path.join(tmpdir(), 'rtm-tls-'));
      authority = makeAuthority('test authority');
      client = authority.issue('rtmanager');
      const stranger = makeAuthority('another authority').issue('stranger');
      const files = {
        'ca.pem': authority.cert,
        'cert.pem': client.cert,
        'key.pem': client.key,
        'stranger-cert.pem': stranger.cert,
        'stranger-key.pem': stranger.key,
        'other-ca.pem': makeAuthority('another authority').cert,
      };
      for (const [name, text] of Object.entries(files)) await writeFile(file(name), text);
    });
    after(() => rm(directory, { recursive: true }));

    const serve = async (mutual: boolean): Promise<string> => {
      api = await makeFakeDockerApi({
        hostname: '127.0.0.1',
        tls: {
          ...authority.issue('dockerd'),
          ca: authority.cert,
          requestCert: mutual,
          rejectUnauthorized: mutual,
        },
      });
      return api.host;
    };

    it('trusts the configured authority', async () => {
      const host = await serve(false);
      await pingAt({ host, tls: { ca: file('ca.pem') } });
      expect(api.sent('GET /_ping')).to.have.length(1);
    });

    it('shows its own certificate to a daemon that asks for one', async () => {
      const host = await serve(true);
      const tls = { ca: file('ca.pem'), cert: file('cert.pem'), key: file('key.pem') };
      await pingAt({ host, tls });
      expect(api.sent('GET /_ping')).to.have.length(1);
    });

    it('is refused by such a daemon without one, and with one of somebody else', async () => {
      const host = await serve(true);
      for (const tls of [
        { ca: file('ca.pem') },
        { ca: file('ca.pem'), cert: file('stranger-cert.pem'), key: file('stranger-key.pem') },
      ]) {
        expect((await failureOf(pingAt({ host, tls }))).code).to.equal('docker_unavailable');
      }
      expect(api.requests).to.deep.equal([]);
    });

    it('sends nothing to a daemon that another authority speaks for', async () => {
      const host = await serve(false);
      const error = await failureOf(pingAt({ host, tls: { ca: file('other-ca.pem') } }));
      expect(error.code).to.equal('docker_unavailable');
      expect(error.message).to.match(/certificate/);
      expect(api.requests).to.deep.equal([]);
    });

    it('sends nothing in clear text to a daemon that wants TLS, and takes no clear text for an answer', async () => {
      const host = await serve(false);
      expect((await failureOf(pingAt({ host }))).code).to.equal('docker_unavailable');
      await api.close();
      api = await makeFakeDockerApi({ hostname: '127.0.0.1' });
      const error = await failureOf(pingAt({ host: api.host, tls: { ca: file('ca.pem') } }));
      expect(error.code).to.equal('docker_unavailable');
      expect(api.requests).to.deep.equal([]);
    });

    it('says which file it can not read, before anything is opened', async () => {
      await serve(false);
      expect(() => makeDockerConnection({ host: api.host, tls: { ca: file('nothing.pem') } })).to.throw(
        'nothing.pem',
      );
    });
  });
});
