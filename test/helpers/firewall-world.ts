// Run by test/docker/engine-firewall.spec.ts in network and mount namespaces of its own, where it is the Docker host: a
// bridge with two engines and Game Master on it, and a link to the outside. Each of them is a process in a network
// namespace of its own, so that all of it goes away with this process. Prints who reaches what, as JSON.

import { type ChildProcess, execFileSync, fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import path from 'node:path';

const RULES = path.join(import.meta.dirname, '../../docs/examples/engine-firewall.sh');
/** The example rejects and never drops, so only a broken world is silent for as long. */
const SILENCE_MS = 10_000;

/** Of this network namespace, as ip_forward. */
const BRIDGE_FILTER = '/proc/sys/net/bridge/bridge-nf-call-iptables';

const HOST = { bridge: '172.30.64.1', outer: '192.0.2.1' };
const PEERS = {
  engine: { address: '172.30.72.2', ports: [8080, 9000] },
  neighbour: { address: '172.30.72.3', ports: [8080, 9000] },
  gameMaster: { address: '172.30.64.20', ports: [8080] },
};
const OUTSIDE = { address: '192.0.2.2', metadata: '169.254.169.254', ports: [80] };

interface Probe {
  readonly from: keyof typeof PEERS | 'host';
  readonly to: string;
  readonly port: number;
}

const PROBES: Readonly<Record<string, Probe>> = {
  'engine to a port of the host, by the bridge': { from: 'engine', to: HOST.bridge, port: 8096 },
  'engine to a port of the host, by its outer address': { from: 'engine', to: HOST.outer, port: 8096 },
  'engine to cloud metadata': { from: 'engine', to: OUTSIDE.metadata, port: 80 },
  'engine to the Internet': { from: 'engine', to: OUTSIDE.address, port: 80 },
  'engine to its neighbour': { from: 'engine', to: PEERS.neighbour.address, port: 8080 },
  'engine to Game Master': { from: 'engine', to: PEERS.gameMaster.address, port: 8080 },
  'Game Master to an engine': { from: 'gameMaster', to: PEERS.engine.address, port: 8080 },
  'Game Master to another port of an engine': { from: 'gameMaster', to: PEERS.engine.address, port: 9000 },
  'the host to an engine': { from: 'host', to: PEERS.engine.address, port: 8080 },
};

const ip = (line: string, pid?: number): void => {
  const inside = pid === undefined ? [] : ['nsenter', '-t', String(pid), '-n'];
  const [program = '', ...args] = [...inside, 'ip', ...line.split(' ')];
  execFileSync(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
};

/** Listens at the ports and answers each `{ to, port }` with how the connection went. */
async function serve(ports: readonly number[]): Promise<void> {
  await Promise.all(
    ports.map((port) => {
      const server = createServer((socket) => socket.end()).listen(port, '0.0.0.0');
      return once(server, 'listening');
    }),
  );
}

function reach(to: string, port: number): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ host: to, port, timeout: SILENCE_MS });
    const end = (how: string): void => {
      socket.destroy();
      resolve(how);
    };
    socket.on('connect', () => end('reached'));
    socket.on('timeout', () => end('silence'));
    socket.on('error', (error: NodeJS.ErrnoException) =>
      end(error.code === 'ECONNREFUSED' ? 'refused' : `${error.code}`),
    );
  });
}

async function startPeer(name: string, ports: readonly number[]): Promise<ChildProcess> {
  const child = fork(import.meta.filename, [name, ...ports.map(String)], {
    execPath: 'unshare',
    execArgv: ['--net', process.execPath, '--disable-warning=ExperimentalWarning'],
  });
  await once(child, 'message');
  return child;
}

function plug(child: ChildProcess, name: string, address: string): void {
  const pid = child.pid ?? 0;
  ip(`link add ${name} type veth peer name eth0 netns ${pid}`);
  ip('link set lo up', pid);
  ip(`addr add ${address} dev eth0`, pid);
  ip('link set eth0 up', pid);
}

async function playHost(): Promise<void> {
  const peers = new Map<string, ChildProcess>();
  ip('link set lo up');
  ip('link add br-galaxy type bridge');
  ip(`addr add ${HOST.bridge}/20 dev br-galaxy`);
  ip('link set br-galaxy up');
  writeFileSync('/proc/sys/net/ipv4/ip_forward', '1');
  if (existsSync(BRIDGE_FILTER)) writeFileSync(BRIDGE_FILTER, '1');
  for (const [name, { address, ports }] of Object.entries(PEERS)) {
    const child = await startPeer(name, ports);
    const port = `v${peers.size}`;
    plug(child, port, `${address}/20`);
    ip(`link set ${port} master br-galaxy up`);
    ip(`route add default via ${HOST.bridge}`, child.pid);
    peers.set(name, child);
  }
  const outside = await startPeer('outside', OUTSIDE.ports);
  plug(outside, 'outer', `${OUTSIDE.address}/24`);
  ip(`addr add ${HOST.outer}/24 dev outer`);
  ip('link set outer up');
  ip(`addr add ${OUTSIDE.metadata}/32 dev eth0`, outside.pid);
  ip(`route add default via ${HOST.outer}`, outside.pid);
  ip(`route add ${OUTSIDE.metadata} dev outer`);
  await serve([8096]);
  // As Docker leaves it.
  iptables('-N', 'DOCKER-USER');
  iptables('-A', 'FORWARD', '-j', 'DOCKER-USER');

  const before = await probeAll(peers);
  rules('up');
  rules('up');
  const up = await probeAll(peers);
  const jumps = iptables('-S').match(/-j GALAXY-(HOST|ENGINES)$/gm);
  rules('down');
  const down = await probeAll(peers);
  console.log(JSON.stringify({ before, up, down, jumps, left: iptables('-S').match(/GALAXY/g) ?? [] }));
  for (const child of [...peers.values(), outside]) child.disconnect();
  process.exit(0);
}

const iptables = (...args: string[]): string =>
  execFileSync('iptables', ['-w', ...args], { encoding: 'utf8' });
const rules = (verb: string): void =>
  void execFileSync(RULES, [verb], { stdio: ['ignore', 'ignore', 'inherit'] });

async function probeAll(peers: ReadonlyMap<string, ChildProcess>): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const [what, { from, to, port }] of Object.entries(PROBES)) {
    const peer = peers.get(from);
    if (!peer) found[what] = await reach(to, port);
    else {
      peer.send({ to, port });
      [found[what]] = (await once(peer, 'message')) as [string];
    }
  }
  return found;
}

const [name, ...ports] = process.argv.slice(2);
if (name === undefined) await playHost();
else {
  await serve(ports.map(Number));
  process.on('message', ({ to, port }: Probe) => void reach(to, port).then((how) => process.send?.(how)));
  process.on('disconnect', () => process.exit(0));
  process.send?.('listens');
}
