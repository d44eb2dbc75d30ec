import { mkdtemp, rm } from 'node:fs/promises';
import {
  createServer,
  type IncomingMessage,
  request as requestDocker,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pipeline } from 'node:stream';
import { dockerHost } from '../../dev/machine/docker.mjs';

/** One call of the Engine API. */
export interface DockerCall {
  readonly method: string;
  /** Without the version in front, with the query: `/containers/create?name=…`. */
  readonly path: string;
}

/** `cut`: the connection breaks; `hang`: nobody ever answers; an object: an answer in Docker's place. */
export type Interference =
  | 'pass'
  | 'cut'
  | 'hang'
  | { readonly status: number; readonly message: string }
  | { readonly status: number; readonly json: unknown };

/** Looks at a call on its way to Docker, or at its answer on the way back, and may interfere. */
type Rule<Args extends unknown[]> = (...args: Args) => Interference | Promise<Interference>;

/** A Docker socket of a test's own, behind which stands the daemon. */
export interface DockerProxy {
  /** As RTMANAGER_DOCKER_HOST takes it. */
  readonly host: string;
  /** Everything that was asked, oldest first. */
  readonly calls: readonly DockerCall[];
  onCall: Rule<[DockerCall]> | undefined;
  /** Runs when Docker has done what was asked and answered, before anybody is told. */
  onAnswer: Rule<[DockerCall, number]> | undefined;
  /** The daemon goes away: connections break, new ones are refused. */
  close(): Promise<void>;
  /** And comes back. */
  open(): Promise<void>;
  /** Closes for good. */
  destroy(): Promise<void>;
}

export const isCreate = ({ method, path: url }: DockerCall): boolean =>
  method === 'POST' && url.startsWith('/containers/create');
export const isStart = ({ method, path: url }: DockerCall): boolean =>
  method === 'POST' && /^\/containers\/[^/]+\/start/.test(url);
export const isStop = ({ method, path: url }: DockerCall): boolean =>
  method === 'POST' && /^\/containers\/[^/]+\/stop/.test(url);
export const isRemove = ({ method, path: url }: DockerCall): boolean =>
  method === 'DELETE' && url.startsWith('/containers/');
export const isEvents = ({ path: url }: DockerCall): boolean => url.startsWith('/events');
export const isPull = ({ method, path: url }: DockerCall): boolean =>
  method === 'POST' && url.startsWith('/images/create');

/** @param daemon what stands behind it; the real one, if nothing else is said */
export async function makeDockerProxy(daemon: string = dockerHost()): Promise<DockerProxy> {
  const dir = await mkdtemp(path.join(tmpdir(), 'rtm-docker-'));
  const socketPath = path.join(dir, 'docker.sock');
  const sockets = new Set<Socket>();
  const calls: DockerCall[] = [];
  let server: Server | undefined;

  async function serve(asked: IncomingMessage, answer: ServerResponse): Promise<void> {
    const url = (asked.url ?? '').replace(/^\/v[\d.]+/, '');
    const call: DockerCall = { method: asked.method ?? '', path: url };
    calls.push(call);
    if (interfered(await proxy.onCall?.(call), asked, answer)) return;
    const forwarded = requestDocker(
      { ...addressOf(daemon), method: asked.method, path: asked.url, headers: asked.headers },
      (answered) => void passOn(call, asked, answered, answer),
    );
    forwarded.on('error', () => asked.socket.destroy());
    // Whoever hangs up hangs up on Docker too: that is how a pull is given up.
    answer.on('close', () => forwarded.destroy());
    pipeline(asked, forwarded, () => {});
  }

  async function passOn(
    call: DockerCall,
    asked: IncomingMessage,
    answered: IncomingMessage,
    answer: ServerResponse,
  ): Promise<void> {
    const status = answered.statusCode ?? 0;
    if (interfered(await proxy.onAnswer?.(call, status), asked, answer)) return;
    answer.writeHead(status, answered.headers);
    answer.flushHeaders();
    pipeline(answered, answer, () => {});
  }

  const proxy: DockerProxy = {
    host: `unix://${socketPath}`,
    calls,
    onCall: undefined,
    onAnswer: undefined,
    async open() {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      server = createServer((asked, answer) => void serve(asked, answer));
      server.on('connection', (socket) => {
        sockets.add(socket);
        socket.on('close', () => sockets.delete(socket));
      });
      server.once('error', reject);
      server.listen(socketPath, resolve);
      await promise;
    },
    async close() {
      const { promise, resolve } = Promise.withResolvers<void>();
      if (!server) return;
      server.close(() => resolve());
      server = undefined;
      for (const socket of sockets) socket.destroy();
      await promise;
    },
    async destroy() {
      await proxy.close();
      await rm(dir, { recursive: true, force: true });
    },
  };
  await proxy.open();
  return proxy;
}

/** Does what a rule says; false when it has nothing against the call. */
function interfered(said: Interference | undefined, asked: IncomingMessage, answer: ServerResponse): boolean {
  if (said === undefined || said === 'pass') return false;
  if (said === 'hang') return true;
  if (said === 'cut') asked.socket.destroy();
  else {
    answer.writeHead(said.status, { 'content-type': 'application/json' });
    answer.end(JSON.stringify('json' in said ? said.json : { message: said.message }));
  }
  return true;
}

function addressOf(daemon: string): { socketPath: string } | { host: string; port: number } {
  const { protocol, pathname, hostname, port } = new URL(daemon);
  return protocol === 'unix:' ? { socketPath: pathname } : { host: hostname, port: Number(port || 2375) };
}
