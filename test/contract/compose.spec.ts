import { expect } from 'chai';
import { parse } from 'yaml';
import { parseConfig } from '../../lib/config.ts';
import {
  COMPOSE_TEXT,
  type Compose,
  EXPORTED,
  readCompose,
  type Service,
  VARIABLE,
} from '../helpers/compose.ts';

const { services, networks } = readCompose();
const service = (name: string): Service => services[name] ?? expect.fail(`there is no service ${name}`);
const networksOf = ({ networks: on = [] }: Service): string[] =>
  (Array.isArray(on) ? [...(on as string[])] : Object.keys(on)).sort();

describe('compose.yaml, beside docs/security.md', () => {
  it('configures an RTM that starts', () => {
    const config = parseConfig({ ...service('rtm').environment }, { fileReadable: () => true });
    expect(config).to.be.an('object');
  });

  it('has no default for a secret, and asks for no variable that its head does not export', () => {
    const required = new Set(
      [...COMPOSE_TEXT.matchAll(VARIABLE)].filter(([, , kind]) => kind === '?').map(([, name]) => name),
    );
    expect([...required].sort()).to.deep.equal(Object.keys(EXPORTED).sort());
    const head = COMPOSE_TEXT.slice(0, COMPOSE_TEXT.indexOf('name: galaxy-rtm'));
    for (const name of required) expect(head).to.match(new RegExp(`^# .*\\b${name}=`, 'm'));
    for (const [, name = '', kind] of COMPOSE_TEXT.matchAll(VARIABLE)) {
      if (/PASSWORD|TOKEN/.test(name)) expect(kind, name).to.equal('?');
    }
  });

  it('gives the Docker socket to the proxy alone, which has the example of the documentation and no network', () => {
    const holders = Object.entries(services).filter(([, one]) =>
      JSON.stringify(one).includes('/var/run/docker.sock'),
    );
    expect(holders.map(([name]) => name)).to.deep.equal(['docker-proxy']);
    expect(service('docker-proxy').network_mode).to.equal('none');
    expect(service('docker-proxy').volumes).to.include(
      './docs/examples/docker-proxy.nginx.conf:/etc/docker-proxy.conf:ro',
    );
    expect(service('rtm').environment?.RTMANAGER_DOCKER_HOST).to.equal(
      'unix:///run/docker-proxy/docker.sock',
    );
    expect(service('rtm')).to.not.have.property('group_add');
  });

  for (const name of ['rtm', 'docker-proxy']) {
    it(`takes from ${name} what it does not need`, () => {
      expect(service(name)).to.deep.include({
        read_only: true,
        cap_drop: ['ALL'],
        security_opt: ['no-new-privileges:true'],
      });
      expect(service(name).user).to.match(/^1000:\d+$/);
    });
  }

  for (const [name, one] of Object.entries(services)) {
    it(`limits ${name}`, () => {
      expect(one.mem_limit).to.match(/^\d+[mg]$/);
      expect(one.pids_limit).to.be.a('number');
      expect(one.security_opt).to.include('no-new-privileges:true');
      expect(one).to.not.have.any.keys('privileged', 'cap_add', 'pid', 'ipc', 'devices');
    });

    if (one.build === undefined) {
      it(`takes the image of ${name} from a variable, which may hold a digest`, () => {
        const written = (parse(COMPOSE_TEXT) as Compose).services[name]?.image;
        expect(written).to.match(/^\$\{[A-Z]+_IMAGE:-[\w./-]+:[\w.-]+\}$/);
      });
    }
  }

  it('keeps RTM, and nothing else of it, on the network of the engines, which is internal', () => {
    const onGalaxy = Object.entries(services).filter(([, one]) => networksOf(one).includes('galaxy'));
    expect(onGalaxy.map(([name]) => name)).to.deep.equal(['rtm']);
    expect(networks.galaxy).to.deep.include({ name: 'galaxy', internal: true });
    expect(networks.galaxy).to.not.have.property('external');
    expect(networks.storage).to.deep.equal({ internal: true });
  });

  it('lets RTM listen in the network of the services only, and publishes it to loopback only', () => {
    const on = service('rtm').networks as Readonly<Record<string, { ipv4_address?: string }>>;
    const { ipv4_address: address } = on.service ?? {};
    expect(address).to.match(/^\d+\.\d+\.\d+\.\d+$/);
    expect(service('rtm').environment?.RTMANAGER_INTERNAL_HTTP_ADDR).to.equal(`${address}:8096`);
    for (const one of Object.values(services)) {
      for (const port of one.ports ?? []) expect(port).to.match(/^127\.0\.0\.1:/);
    }
  });

  it('asks for a password at Redis', () => {
    const { command = [] } = service('redis');
    expect(command[command.indexOf('--requirepass') + 1]).to.equal(EXPORTED.REDIS_PASSWORD);
    expect(service('rtm').environment?.RTMANAGER_REDIS_PASSWORD).to.equal(EXPORTED.REDIS_PASSWORD);
  });
});
