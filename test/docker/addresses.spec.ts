import { expect } from 'chai';
import { dockerHost } from '../../dev/machine/docker.mjs';
import { type DockerConnection, makeDockerConnection } from '../../lib/docker/connection.ts';
import { findAddress } from '../../lib/docker/find-address.ts';
import { listAddresses } from '../../lib/docker/list-addresses.ts';
import { leaveContainer } from '../helpers/containers.ts';
import { docker } from '../helpers/docker.ts';
import { failureOf } from '../helpers/failure-of.ts';
import { type FakeDockerApi, makeFakeDockerApi } from '../helpers/fake-docker-api.ts';
import { answer, refuse } from '../helpers/fake-docker-scripts.ts';
import { type FakeDockerWorld, makeFakeDockerWorld } from '../helpers/fake-docker-world.ts';
import { newGame } from '../helpers/flow.ts';
import { makeNetwork, type TestNetwork } from '../helpers/network.ts';

const NETWORK = 'galaxy';
const signal = new AbortController().signal;

describe('addresses of containers', () => {
  let api: FakeDockerApi;
  let world: FakeDockerWorld;
  let connection: DockerConnection;

  beforeEach(async () => {
    api = await makeFakeDockerApi();
    world = makeFakeDockerWorld(api, NETWORK);
    connection = makeDockerConnection({ host: api.host });
  });
  afterEach(() => api.close());

  const find = (containerId: string, network = NETWORK) =>
    findAddress(connection, { containerId, network }, signal);
  const list = (network = NETWORK) => listAddresses(connection, network, signal);

  it('are those on the network asked for, of containers that run', async () => {
    const one = world.put({ name: 'one', address: '172.18.0.2' });
    const other = world.put({ name: 'other', address: '172.18.0.3', networks: [NETWORK, 'bridge'] });
    const elsewhere = world.put({ name: 'elsewhere', networks: ['bridge'] });
    const over = world.put({ name: 'over', state: 'exited' });
    expect(await find(one.id)).to.equal('172.18.0.2');
    expect(await find(other.id)).to.equal('172.18.0.3');
    expect(await find(elsewhere.id)).to.equal(null);
    expect(await find(over.id)).to.equal(null);
    expect(await find('nobody')).to.equal(null);
    expect([...(await list())]).to.deep.equal([
      [one.id, '172.18.0.2'],
      [other.id, '172.18.0.3'],
    ]);
    expect(api.sent('GET /networks/:name')).to.have.length(1);
  });

  it('are of version 6 where there is no other', async () => {
    const endpoint = { IPAddress: '', GlobalIPv6Address: 'fd00::2' };
    api.always(
      'GET /containers/:id/json',
      answer(200, { NetworkSettings: { Networks: { galaxy: endpoint } } }),
    );
    expect(await find('one')).to.equal('fd00::2');
    const containers = { one: { IPv4Address: '', IPv6Address: 'fd00::2/64' }, none: { IPv4Address: '' } };
    api.always('GET /networks/:name', answer(200, { Containers: containers }));
    expect([...(await list())]).to.deep.equal([['one', 'fd00::2']]);
  });

  it('are none on a network that is not there', async () => {
    expect([...(await list('nowhere'))]).to.deep.equal([]);
  });

  it('are not known while Docker is in trouble', async () => {
    for (const script of [refuse(500, 'no'), answer(200, '<html>')]) {
      api.always('GET /containers/:id/json', script);
      api.always('GET /networks/:name', script);
      expect((await failureOf(find('one'))).code).to.equal('docker_unavailable');
      expect((await failureOf(list())).code).to.equal('docker_unavailable');
    }
  });

  describe('with a real Docker', () => {
    let network: TestNetwork;
    before(async () => {
      network = await makeNetwork();
    });
    after(() => network?.remove());

    it('are the same one by one and all at once', async () => {
      const real = makeDockerConnection({ host: dockerHost() });
      const ids = [await leaveContainer({ name: newGame(), network: network.name })];
      ids.push(await leaveContainer({ name: newGame(), network: network.name }));
      const stopped = await leaveContainer({ name: newGame(), network: network.name, running: false });
      const all = await listAddresses(real, network.name, signal);
      expect([...all.keys()]).to.have.members(ids);
      for (const containerId of [...ids, stopped]) {
        const { NetworkSettings } = await docker.getContainer(containerId).inspect();
        const told = NetworkSettings.Networks[network.name]?.IPAddress || undefined;
        const found = await findAddress(real, { containerId, network: network.name }, signal);
        expect([found ?? undefined, all.get(containerId)]).to.deep.equal([told, told]);
      }
    });
  });
});
