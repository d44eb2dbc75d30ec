import { once } from 'node:events';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, type ServerOptions } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type DockerRequest, readDockerRequest, targetOf } from './fake-docker-request.ts';
import { pass, type Script } from './fake-docker-scripts.ts';

export interface Answer {
  readonly status: number;
  /** Sent as JSON; text and bytes are sent as they are. */
  readonly body?: unknown;
}

/** What a route does when no script says otherwise. */
export type Route = (request: DockerRequest) => Answer;

/** One request being answered. */
export interface Exchange {
  readonly request: DockerRequest;
  readonly response: ServerResponse;
  /** Does what the route normally does, and returns the answer to it without sending it. */
  act(): Answer;
  /** Sends an answer. */
  send(answer: Answer): void;
}

/** An HTTP server that speaks as much of the Docker Engine API as it is told to. */
export interface FakeDockerApi {
  /** As RTMANAGER_DOCKER_HOST takes it. */
  readonly host: string;
  readonly requests: readonly DockerRequest[];
  /** The requests that a route got, such as `POST /containers/create` or `GET /containers/:id/json`. */
  sent(route: string): readonly DockerRequest[];
  /** What a route normally does; a placeholder `:id` is one segment, `:name*` is one or several. */
  route(route: string, handler: Route): void;
  /** The next requests to a route go by these scripts, one each; those behind them as usual. */
  script(route: string, ...scripts: readonly Script[]): void;
  /** Every request to a route goes by this script from now on. */
  always(route: string, script: Script): void;
  /** Open connections that were not closed by their client yet. */
  readonly connections: number;
  close(): Promise<void>;
}

interface Place {
  /** A socket to listen on, for a daemon that comes back; a new one otherwise. */
  readonly socketPath?: string;
  /** Listens on a TCP port of this address instead. */
  readonly hostname?: string;
  readonly tls?: ServerOptions;
}

interface KnownRoute {
  readonly name: string;
  readonly form: RegExp;
  handler: Route;
  always: Script;
  readonly scripts: Script[];
}

const NOT_FOUND: Answer = { status: 404, body: { message: 'page not found' } };

/** Starts one; without further routes it knows `/version` (API 1.41) and `/_ping`. */
export async function makeFakeDockerApi(place: Place = {}): Promise<FakeDockerApi> {
  const directory = await mkdtemp(path.join(tmpdir(), 'rtm-docker-'));
  const requests: DockerRequest[] = [];
  const routes: KnownRoute[] = [];

  const known = (name: string): KnownRoute => {
    const found = routes.find((one) => one.name === name);
    if (found) return found;
    const form = new RegExp(`^${name.replace(/:\w+\*/g, '(.+)').replace(/:\w+/g, '([^/]+)')}$`);
    const added = { name, form, handler: () => NOT_FOUND, always: pass(), scripts: [] };
    routes.push(added);
    return added;
  };

  const serve = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    const asked = await readDockerRequest(incoming);
    const target = targetOf(asked);
    const route = routes.find((one) => one.form.test(target));
    const request = { ...asked, params: route?.form.exec(target)?.slice(1) ?? [] };
    requests.push(request);
    const script = route?.scripts.shift() ?? route?.always ?? pass();
    await script({
      request,
      response,
      act: () => route?.handler(request) ?? NOT_FOUND,
      send: ({ status, body }) => {
        response.writeHead(status, { 'content-type': 'application/json' });
        const asItIs = typeof body === 'string' || Buffer.isBuffer(body) || body === undefined;
        response.end(asItIs ? body : JSON.stringify(body));
      },
    });
  };

  const listener = (incoming: IncomingMessage, response: ServerResponse) => void serve(incoming, response);
  const server: Server = place.tls ? createTlsServer(place.tls, listener) : createServer(listener);
  let connections = 0;
  server.on('connection', (socket) => {
    connections += 1;
    socket.on('close', () => {
      connections -= 1;
    });
  });
  const socketPath = place.socketPath ?? path.join(directory, 'docker.sock');
  const { hostname } = place;
  await mkdir(path.dirname(socketPath), { recursive: true });
  server.listen(hostname === undefined ? { path: socketPath } : { host: hostname, port: 0 });
  await once(server, 'listening');

  known('GET /version').handler = () => ({ status: 200, body: { ApiVersion: '1.41' } });
  known('GET /_ping').handler = () => ({ status: 200, body: 'OK' });
  return {
    host:
      hostname === undefined
        ? `unix://${socketPath}`
        : `tcp://${hostname.includes(':') ? `[${hostname}]` : hostname}:${(server.address() as AddressInfo).port}`,
    requests,
    sent: (name) => {
      const { form } = known(name);
      return requests.filter((one) => form.test(targetOf(one)));
    },
    route: (name, handler) => {
      known(name).handler = handler;
    },
    script: (name, ...scripts) => {
      known(name).scripts.push(...scripts);
    },
    always: (name, script) => {
      known(name).always = script;
    },
    get connections() {
      return connections;
    },
    async close() {
      if (server.listening) {
        const closed = once(server, 'close');
        server.close();
        server.closeAllConnections();
        await closed;
      }
      for (const made of [directory, path.dirname(socketPath)])
        await rm(made, { recursive: true, force: true });
    },
  };
}
