// A Docker daemon that answers at once and does nothing, a Lobby that knows every game, and the engine of every container,
// apart from the process that is measured; see overhead.ts and growth.ts. Finds everything by its key: a daemon that got
// slower with each game would hide what RTM costs.
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { GAME_LABEL } from '../../lib/docker/labels.ts';
import { containerName } from '../../lib/game-names.ts';
import { logFrame } from '../helpers/log-frame.ts';
import { containerIdOf, gameIdOf, labelsOf } from './fleet.ts';

interface Container {
  readonly id: string;
  readonly name: string;
  readonly image: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly network: string;
  running: boolean;
}

/** Said when all listen, and after each order. */
export interface InstantDockerAnswer {
  /** Of Lobby and of all engines. */
  readonly lobbyUrl: string;
}

/** A game to have a container for, by its number in fleet.ts. */
export interface InstantDockerOrder {
  readonly running: readonly number[];
  readonly stopped: readonly number[];
}

const [network = '', socketPath = ''] = process.argv.slice(2);
const LOG = logFrame('stdout', 'engine up\n');
const containers = new Map<string, Container>();
const ofGame = new Map<string, Set<Container>>();
let created = 0;

type Answer = readonly [status: number, body?: unknown];
const GONE: Answer = [404, { message: 'No such container' }];

function put(one: Container): void {
  containers.set(one.id, one);
  const game = one.labels[GAME_LABEL] ?? '';
  ofGame.set(game, (ofGame.get(game) ?? new Set()).add(one));
}

function create(name: string, body: string): Answer {
  const { Image, Labels, HostConfig } = JSON.parse(body);
  created += 1;
  const id = created.toString(16).padStart(64, 'c0ffee');
  put({ id, name, image: Image, labels: Labels, network: HostConfig.NetworkMode, running: false });
  return [201, { Id: id, Warnings: [] }];
}

function fill(index: number, running: boolean): void {
  const labels = labelsOf(index);
  const name = containerName(gameIdOf(index));
  put({ id: containerIdOf(index), name, image: 'galaxy/game:1.0.0', labels, network, running });
}

const networksOf = (one: Container) => ({
  Networks: { [one.network]: { IPAddress: one.running ? '127.0.0.1' : '' } },
});

function list(filters: string): Answer {
  const { label = [] } = JSON.parse(filters) as { label?: string[] };
  const game = label.find((one) => one.startsWith(`${GAME_LABEL}=`))?.slice(GAME_LABEL.length + 1);
  const found = game === undefined ? containers.values() : (ofGame.get(game) ?? []);
  return [
    200,
    [...found].map((one) => ({
      Id: one.id,
      Names: [`/${one.name}`],
      State: one.running ? 'running' : 'exited',
      Labels: one.labels,
      NetworkSettings: networksOf(one),
    })),
  ];
}

const inspect = (one: Container): Answer => [
  200,
  {
    Id: one.id,
    Name: `/${one.name}`,
    Image: 'sha256:engine',
    RestartCount: 0,
    State: {
      Status: one.running ? 'running' : 'exited',
      Running: one.running,
      ExitCode: 0,
      OOMKilled: false,
      StartedAt: '2026-01-01T00:00:00.123456789Z',
      FinishedAt: one.running ? '0001-01-01T00:00:00Z' : '2026-01-01T01:00:00.123456789Z',
    },
    Config: { Labels: one.labels, Image: one.image },
    NetworkSettings: networksOf(one),
  },
];

function setRunning(one: Container, running: boolean): Answer {
  if (one.running === running) return [304];
  one.running = running;
  return [204];
}

function remove(one: Container): Answer {
  containers.delete(one.id);
  ofGame.get(one.labels[GAME_LABEL] ?? '')?.delete(one);
  return [204];
}

function answerContainer(method: string, path: readonly string[], query: URLSearchParams, body: string) {
  const [id = '', action] = path;
  if (id === 'create') return create(query.get('name') ?? '', body);
  if (path.length === 1 && id === 'json') return list(query.get('filters') ?? '{}');
  const one = containers.get(id);
  if (!one) return GONE;
  if (method === 'DELETE') return remove(one);
  if (action === 'logs') return [200, LOG] as const;
  if (action === 'json') return inspect(one);
  return setRunning(one, action === 'start');
}

/** Undefined: an answer that never ends. */
function answer({ method = '', url = '' }: IncomingMessage, body: string): Answer | undefined {
  const { pathname, searchParams } = new URL(url, 'http://docker');
  const [kind, ...path] = pathname.replace(/^\/(v[\d.]+\/)?/, '').split('/');
  switch (kind) {
    case 'containers':
      return answerContainer(method, path, searchParams, body);
    case 'images':
      return [200, { Id: 'sha256:engine', Config: { Labels: null } }];
    case 'networks':
      return [200, path.length === 0 ? [{ Name: network }] : { Name: network, Containers: {} }];
    case 'version':
      return [200, { ApiVersion: '1.41' }];
    case 'info':
      return [200, { ID: 'THE:DAEMON', SystemTime: new Date().toISOString() }];
    case '_ping':
      return [200, 'OK'];
    case 'events':
      return undefined;
    default:
      return [404, { message: 'page not found' }];
  }
}

const docker = createServer(async (request, response) => {
  let body = '';
  for await (const piece of request) body += piece;
  const [status, said] = answer(request, body) ?? [];
  response.writeHead(status ?? 200, { 'content-type': 'application/json' });
  if (status === undefined) response.flushHeaders();
  else response.end(said === undefined || Buffer.isBuffer(said) ? said : JSON.stringify(said));
});
const lobby = createServer(({ url }, response) => {
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(url === '/healthz' ? '{"status":"ok"}' : '{"status":"starting"}');
});

docker.listen(socketPath);
lobby.listen(0, '127.0.0.1');
await Promise.all([once(docker, 'listening'), once(lobby, 'listening')]);
const told: InstantDockerAnswer = {
  lobbyUrl: `http://127.0.0.1:${(lobby.address() as AddressInfo).port}`,
};
process.send?.(told);
process.on('message', ({ running, stopped }: InstantDockerOrder) => {
  for (const index of running) fill(index, true);
  for (const index of stopped) fill(index, false);
  process.send?.(told);
});
process.on('disconnect', () => process.exit(0));
