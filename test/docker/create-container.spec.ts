import { expect } from 'chai';
import { makeDockerConnection } from '../../lib/docker/connection.ts';
import { type ContainerSpec, createContainer } from '../../lib/docker/create-container.ts';
import { failureOf, rejectionOf } from '../helpers/failure-of.ts';
import { type FakeDockerApi, makeFakeDockerApi } from '../helpers/fake-docker-api.ts';
import { answer, refuse } from '../helpers/fake-docker-scripts.ts';

const ID = 'c0ffee'.repeat(10);

const spec: ContainerSpec = {
  name: 'galaxy-game-Abc',
  imageRef: 'registry.example:5000/galaxy/engine@sha256:1111',
  hostname: 'galaxy-game-abc-0123456789',
  network: 'galaxy',
  aliases: ['galaxy-game-abc-0123456789'],
  labels: { 'com.galaxy.owner': 'rtmanager', 'com.galaxy.note': 'a&b=c?d#e "quoted" ü' },
  mount: { source: '/srv/games/Abc', target: '/var/lib/galaxy-game' },
  limits: { nanoCpus: 1_500_000_000, memoryBytes: 536_870_912, pidsLimit: 512 },
  log: { driver: 'json-file', options: { 'max-size': '1m', 'max-file': '3' } },
  healthcheck: null,
  capAdd: ['NET_BIND_SERVICE'],
  readOnlyRootfs: true,
  runtime: 'runsc',
};

describe('createContainer', () => {
  let api: FakeDockerApi;
  const signal = new AbortController().signal;
  const create = (wanted = spec) => createContainer(makeDockerConnection({ host: api.host }), wanted, signal);
  const sent = () => {
    const [request] = api.sent('POST /containers/create');
    if (!request) throw new Error('no create was sent');
    return request;
  };

  beforeEach(async () => {
    api = await makeFakeDockerApi();
    api.route('POST /containers/create', () => ({ status: 201, body: { Id: ID, Warnings: [] } }));
  });
  afterEach(() => api.close());

  it('says all that it wants in the body: a mount, log limits, no privileges (failure mode 20)', async () => {
    expect(await create()).to.equal(ID);
    expect(sent().body).to.deep.equal({
      Image: 'registry.example:5000/galaxy/engine@sha256:1111',
      Hostname: 'galaxy-game-abc-0123456789',
      Labels: { 'com.galaxy.owner': 'rtmanager', 'com.galaxy.note': 'a&b=c?d#e "quoted" ü' },
      Env: ['GAME_STATE_PATH=/var/lib/galaxy-game', 'STORAGE_PATH=/var/lib/galaxy-game'],
      HostConfig: {
        NetworkMode: 'galaxy',
        Mounts: [{ Type: 'bind', Source: '/srv/games/Abc', Target: '/var/lib/galaxy-game' }],
        RestartPolicy: { Name: 'no' },
        LogConfig: { Type: 'json-file', Config: { 'max-size': '1m', 'max-file': '3' } },
        Init: true,
        SecurityOpt: ['no-new-privileges'],
        CapDrop: ['ALL'],
        CapAdd: ['NET_BIND_SERVICE'],
        ReadonlyRootfs: true,
        NanoCpus: 1_500_000_000,
        Memory: 536_870_912,
        MemorySwap: 536_870_912,
        PidsLimit: 512,
        Runtime: 'runsc',
      },
      NetworkingConfig: { EndpointsConfig: { galaxy: { Aliases: ['galaxy-game-abc-0123456789'] } } },
    });
  });

  it('publishes no port, and says nothing that it leaves to image and daemon', async () => {
    await create({ ...spec, runtime: undefined });
    const { HostConfig, ...body } = sent().body as { HostConfig: object };
    expect(body).to.have.all.keys('Image', 'Hostname', 'Labels', 'Env', 'NetworkingConfig');
    expect(HostConfig).not.to.have.any.keys(
      'Runtime',
      'PortBindings',
      'PublishAllPorts',
      'Binds',
      'Privileged',
    );
  });

  it('puts the name into the query, and nothing else into the URL', async () => {
    await create();
    expect(sent().url).to.equal('/v1.41/containers/create?name=galaxy-game-Abc');
  });

  for (const status of [400, 403, 404, 409, 500]) {
    it(`passes Docker's ${status} on`, async () => {
      api.always('POST /containers/create', refuse(status, 'no'));
      expect(await rejectionOf(create())).to.include({ name: 'DockerStatusError', status, message: 'no' });
    });
  }

  for (const body of ['', 'created', '{}', '{"Id":""}', '{"Id":7}', 'null', '[]']) {
    it(`does not take ${JSON.stringify(body)} for a container`, async () => {
      api.always('POST /containers/create', answer(201, body));
      expect((await failureOf(create())).code).to.equal('docker_unavailable');
    });
  }
});
