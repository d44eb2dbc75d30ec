import { chmod, chown } from 'node:fs/promises';
import { connect, createServer as createTcpServer, type Server } from 'node:net';
import { pipeline } from 'node:stream';
import { expect } from 'chai';
import type { Container } from 'dockerode';
import { SERVICE_FLAGS } from '../../dev/bootstrap/node-flags.mjs';
import { statusCode } from '../../dev/docker-client.ts';
import { ROOT_DIR } from '../../dev/paths.ts';
import { SESSION, SESSION_LABEL, shortId } from '../../dev/session.ts';
import { EXPORTED, readCompose } from '../helpers/compose.ts';
import { docker, GAME_IMAGE } from '../helpers/docker.ts';
import { type DockerProxy, makeDockerProxy } from '../helpers/docker-proxy.ts';
import { eventually } from '../helpers/eventually.ts';
import { type Flow, makeFlow, newGame } from '../helpers/flow.ts';
import { exchange } from '../helpers/http-exchange.ts';
import { runInside } from '../helpers/inside-network.ts';
import { type Nginx, startExampleNginx } from '../helpers/nginx.ts';

/** The user of compose.yaml. */
const RTM_USER = 1000;
const ADDRESS_TRIES = 20;
const labels = { [SESSION_LABEL]: SESSION };

/** Tries every address from inside a network, as an engine's code could. */
const REACH = `
  const { connect } = await import('node:net');
  const reach = (host) => new Promise((resolve) => {
    const socket = connect({ host, port: 8096, timeout: 3_000 });
    socket.on('connect', () => { socket.destroy(); resolve('reached'); });
    socket.on('timeout', () => { socket.destroy(); resolve('silence'); });
    socket.on('error', (error) => resolve(error.code));
  });`;

describe('RTM as compose.yaml runs it', () => {
  const { rtm: wanted } = readCompose().services;
  let flow: Flow;
  let daemon: DockerProxy;
  let nginx: Nginx;
  let rtm: Container;
  const relays: Server[] = [];
  const networks: string[] = [];
  let galaxy: string;
  let service: { readonly name: string; readonly gateway: string; readonly address: string };

  before(async () => {
    if (!wanted) throw new Error('compose.yaml has no service rtm');
    flow = await makeFlow();
    daemon = await makeDockerProxy();
    nginx = await startExampleNginx(new URL(daemon.host).pathname);
    await chown(flow.world.stateRoot.path, RTM_USER, RTM_USER);
    await chmod(flow.world.stateRoot.path, 0o700);
    galaxy = `rtm-test-galaxy-${shortId()}`;
    await docker.createNetwork({ Name: galaxy, Internal: true, Labels: labels });
    networks.push(galaxy);
    service = await makeServiceNetwork();
    networks.push(service.name);
    const { redis, database, stateRoot } = flow.world;
    const [redisHost = '', redisPort] = redis.addr.split(':');
    const dsn = new URL(database.dsn);
    const postgresPort = await relay(service.gateway, dsn.hostname, Number(dsn.port || 5432));
    dsn.host = `${service.gateway}:${postgresPort}`;

    const { RTMANAGER_REDIS_PASSWORD: _theirs, ...environment } = wanted.environment ?? {};
    const env = {
      ...environment,
      RTMANAGER_INTERNAL_HTTP_ADDR: `${service.address}:8096`,
      RTMANAGER_POSTGRES_PRIMARY_DSN: dsn.href,
      RTMANAGER_REDIS_MASTER_ADDR: `${service.gateway}:${await relay(service.gateway, redisHost, Number(redisPort))}`,
      RTMANAGER_REDIS_DB: String(redis.db),
      RTMANAGER_DOCKER_NETWORK: galaxy,
      RTMANAGER_GAME_STATE_ROOT: stateRoot.path,
      RTMANAGER_PROBE_INTERVAL: '500ms',
    };
    rtm = await docker.createContainer({
      Image: GAME_IMAGE, // for its Node
      Entrypoint: ['node', ...SERVICE_FLAGS, 'main.ts'],
      WorkingDir: '/app',
      User: wanted.user ?? '',
      Env: Object.entries(env).map(([name, value]) => `${name}=${value}`),
      Labels: labels,
      Tty: true,
      HostConfig: {
        NetworkMode: service.name,
        ReadonlyRootfs: wanted.read_only ?? false,
        CapDrop: [...(wanted.cap_drop ?? [])],
        SecurityOpt: (wanted.security_opt ?? []).map((option) => option.replace(':true', '')),
        Memory: 1 << 30,
        PidsLimit: wanted.pids_limit ?? 0,
        Tmpfs: { '/tmp': 'size=16m,mode=1777' },
        Binds: [
          `${ROOT_DIR}:/app:ro`,
          `${nginx.socketPath}:/run/docker-proxy/docker.sock`,
          `${stateRoot.path}:${stateRoot.path}`,
        ],
      },
      NetworkingConfig: {
        EndpointsConfig: { [service.name]: { IPAMConfig: { IPv4Address: service.address } } },
      },
    });
    await docker.getNetwork(galaxy).connect({ Container: rtm.id });
    await rtm.start();
  });

  after(async () => {
    await rtm?.remove({ force: true, v: true });
    for (const network of networks) {
      for (const id of Object.keys((await docker.getNetwork(network).inspect()).Containers ?? {})) {
        await docker.getContainer(id).remove({ force: true, v: true });
      }
      await docker.getNetwork(network).remove();
    }
    await nginx?.[Symbol.asyncDispose]();
    for (const one of relays) one.close();
    await flow?.destroy();
    await daemon?.destroy();
  });

  const ask = (target: string, method = 'GET', body?: unknown) =>
    exchange(`http://${service.address}:8096`, target, {
      method,
      body,
      headers: { authorization: `Bearer ${EXPORTED.RTMANAGER_INTERNAL_HTTP_TOKEN}` },
    });

  it('starts with a read-only root, no capability and no way to the socket but the proxy', async () => {
    await eventually(async () => (await ask('/readyz').catch(() => undefined))?.status === 200, {
      what: 'RTM to be ready',
      timeoutMs: 50_000,
    }).catch(async (error: Error) => {
      error.message += `\n${await rtm.logs({ stdout: true, stderr: true })}`;
      throw error;
    });
  });

  it('does not listen where engines are', async () => {
    const { Networks } = (await rtm.inspect()).NetworkSettings;
    const own = Networks[galaxy]?.IPAddress;
    const found = await runInside(
      galaxy,
      `${REACH} say({ own: await reach('${own}'), service: await reach('${service.address}') });`,
    );
    // Docker gives an internal network no way out, or drops what takes it: then nothing answers.
    expect(found).to.deep.include({ own: 'ECONNREFUSED' });
    expect((found as { service: string }).service).to.be.oneOf(['ENETUNREACH', 'EHOSTUNREACH', 'silence']);
  });

  it('is reached from the network of the services', async () => {
    const found = await runInside(service.name, `${REACH} say(await reach('${service.address}'));`);
    expect(found).to.equal('reached');
  });

  it('starts a game, probes it over the network of the engines, and stops it', async () => {
    const game = newGame();
    const runtime = `/api/v1/internal/runtimes/${game}`;
    const started = await ask(`${runtime}/start`, 'POST', { image_ref: GAME_IMAGE });
    expect(started.status, started.text).to.equal(200);
    await eventually(
      async () =>
        /^rtmanager_probes_total\{[^}]*result="healthy"[^}]*\} [1-9]/m.test((await ask('/metrics')).text),
      {
        what: 'an engine that answers a probe',
        timeoutMs: 30_000,
      },
    );
    expect((await ask(`${runtime}/stop`, 'POST', { reason: 'finished' })).status).to.equal(200);
  });

  /** A network with addresses that a container may choose from, as in compose.yaml; others may have the first ones tried. */
  async function makeServiceNetwork() {
    for (let one = 0; ; one += 1) {
      const prefix = `10.${200 + Math.floor(Math.random() * 50)}.${Math.floor(Math.random() * 256)}`;
      const name = `rtm-test-service-${shortId()}`;
      try {
        await docker.createNetwork({
          Name: name,
          Labels: labels,
          IPAM: { Driver: 'default', Config: [{ Subnet: `${prefix}.0/24`, Gateway: `${prefix}.1` }] },
        });
        return { name, gateway: `${prefix}.1`, address: `${prefix}.10` };
      } catch (error) {
        if (one === ADDRESS_TRIES || statusCode(error) !== 403) throw error;
      }
    }
  }

  /** A port of the host's own address in that network, behind which stands a store of the test. */
  async function relay(host: string, target: string, port: number): Promise<number> {
    const server = createTcpServer((client) => {
      const store = connect({ host: target, port });
      pipeline(client, store, client, () => undefined);
    });
    relays.push(server);
    await new Promise<void>((resolve) => server.listen(0, host, resolve));
    return (server.address() as { port: number }).port;
  }
});
