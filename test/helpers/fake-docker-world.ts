import type { FakeDockerApi } from './fake-docker-api.ts';
import type { DockerRequest } from './fake-docker-request.ts';
import { logFrame } from './log-frame.ts';

/** A container in the fake daemon. */
export interface FakeContainer {
  readonly id: string;
  readonly name: string;
  readonly image: string;
  readonly labels: Readonly<Record<string, string>> | null;
  readonly networks: readonly string[];
  state: 'created' | 'running' | 'exited' | 'paused' | 'restarting' | 'removing' | 'dead';
  exitCode?: number;
  oomKilled?: boolean;
  restartCount?: number;
  /** By the daemon's clock. */
  startedAt?: string;
  finishedAt?: string;
  /** When it ended last, of one that runs again. */
  endedBeforeAt?: string;
  autoRemove?: boolean;
  /** What its image's health check says; nothing where there is none. */
  health?: string;
  /** As Docker sends it; of every other container the line `engine up`. */
  log?: Buffer;
  /** On each of its networks, while it runs. */
  address?: string;
}

interface FakeImage {
  readonly id: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** `10001` where a test does not say. */
  readonly user?: string;
}

/** Docker calls a paused container running too. */
const runs = ({ state }: FakeContainer): boolean => ['running', 'paused', 'restarting'].includes(state);

/** What the fake daemon has; tests change it and look at what RTM made of it. */
export interface FakeDockerWorld {
  readonly containers: Map<string, FakeContainer>;
  readonly networks: Set<string>;
  /** By reference. */
  readonly images: Map<string, FakeImage>;
  /** Images that a pull brings. */
  readonly registry: Map<string, FakeImage>;
  /** Another id is another daemon. */
  daemonId: string;
  put(container: Partial<FakeContainer> & { readonly name: string }): FakeContainer;
}

/** Half a core for a second, as Docker 20.10 tells it under the first version of control groups. */
const MEASURED = {
  read: '2026-01-01T00:00:02.000000000Z',
  preread: '2026-01-01T00:00:01.000000000Z',
  cpu_stats: { cpu_usage: { total_usage: 2_500_000_000 } },
  precpu_stats: { cpu_usage: { total_usage: 2_000_000_000 } },
  memory_stats: { usage: 40_000_000, stats: { total_inactive_file: 10_000_000 } },
  pids_stats: { current: 7 },
  networks: { eth0: { rx_bytes: 100, tx_bytes: 10 }, eth1: { rx_bytes: 11, tx_bytes: 1 } },
  blkio_stats: {
    io_service_bytes_recursive: [
      { op: 'Read', value: 4096 },
      { op: 'Write', value: 8192 },
      { op: 'Total', value: 12288 },
    ],
  },
};

const gone = (what: string) => ({ status: 404, body: { message: `No such ${what}` } });

/** Teaches a fake API to behave like a daemon with containers, images and networks in it. */
export function makeFakeDockerWorld(api: FakeDockerApi, network: string): FakeDockerWorld {
  const containers = new Map<string, FakeContainer>();
  const images = new Map<string, FakeImage>();
  const registry = new Map<string, FakeImage>();
  const networks = new Set([network]);
  let created = 0;

  const put: FakeDockerWorld['put'] = (given) => {
    created += 1;
    const id = 'c0ffee'.repeat(9) + created.toString(16).padStart(10, '0');
    const container: FakeContainer = {
      id,
      image: 'galaxy/engine:1.0.0',
      labels: {},
      networks: [network],
      state: 'running',
      ...given,
    };
    containers.set(container.id, container);
    return container;
  };
  const find = (idOrName = ''): FakeContainer | undefined =>
    containers.get(idOrName) ?? [...containers.values()].find((one) => one.name === idOrName);
  const addressOf = (one: FakeContainer): string => (runs(one) ? (one.address ?? '127.0.0.1') : '');
  const networkView = (one: FakeContainer) => ({
    Networks: Object.fromEntries(one.networks.map((name) => [name, { IPAddress: addressOf(one) }])),
  });

  api.route('POST /containers/create', ({ query, body }) => {
    const spec = body as CreateBody;
    if (!images.has(spec.Image)) return gone(`image: ${spec.Image}`);
    if (find(query.name)) return { status: 409, body: { message: `The name ${query.name} is in use` } };
    const { id } = put({
      name: query.name ?? '',
      image: spec.Image,
      labels: spec.Labels,
      networks: [spec.HostConfig.NetworkMode],
      state: 'created',
    });
    return { status: 201, body: { Id: id, Warnings: [] } };
  });
  api.route('POST /containers/:id/start', ({ params }) => {
    const container = find(params[0]);
    if (!container) return gone('container');
    if (!container.networks.every((name) => networks.has(name))) return gone('network');
    if (container.state === 'running') return { status: 304 };
    container.state = 'running';
    return { status: 204 };
  });
  api.route('POST /containers/:id/stop', ({ params }) => {
    const container = find(params[0]);
    if (!container) return gone('container');
    if (!runs(container)) return { status: 304 };
    container.state = 'exited';
    return { status: 204 };
  });
  api.route('GET /containers/:id/json', ({ params }) => {
    const one = find(params[0]);
    if (!one) return gone('container');
    const state = {
      Status: one.state,
      Running: runs(one),
      ExitCode: one.exitCode ?? 0,
      OOMKilled: one.oomKilled ?? false,
      StartedAt: one.startedAt ?? '2026-01-01T00:00:00.123456789Z',
      FinishedAt: runs(one)
        ? (one.endedBeforeAt ?? '0001-01-01T00:00:00Z')
        : (one.finishedAt ?? '2026-01-01T01:00:00.123456789Z'),
      ...(one.health === undefined ? {} : { Health: { Status: one.health } }),
    };
    return {
      status: 200,
      body: {
        Id: one.id,
        Name: `/${one.name}`,
        Image: images.get(one.image)?.id ?? 'sha256:unknown',
        State: state,
        RestartCount: one.restartCount ?? 0,
        Config: { Labels: one.labels, Image: one.image },
        HostConfig: {
          AutoRemove: one.autoRemove ?? false,
          NanoCpus: 1_000_000_000,
          Memory: 536_870_912,
          PidsLimit: 512,
        },
        NetworkSettings: networkView(one),
      },
    };
  });
  api.route('GET /containers/:id/logs', ({ params }) => {
    const one = find(params[0]);
    return one ? { status: 200, body: one.log ?? logFrame('stdout', 'engine up\n') } : gone('container');
  });
  api.route('GET /containers/:id/stats', ({ params }) =>
    find(params[0]) ? { status: 200, body: MEASURED } : gone('container'),
  );
  api.route('GET /containers/json', (request) => {
    const wanted = filterOf(request, 'label');
    const listed = [...containers.values()].filter((one) =>
      wanted.every((label) => Object.entries(one.labels ?? {}).some((pair) => pair.join('=') === label)),
    );
    return {
      status: 200,
      body: listed.map((one) => ({
        Id: one.id,
        Names: [`/${one.name}`],
        State: one.state,
        Labels: one.labels,
        NetworkSettings: networkView(one),
      })),
    };
  });
  api.route('DELETE /containers/:id', ({ params }) => {
    const container = find(params[0]);
    if (!container) return gone('container');
    containers.delete(container.id);
    return { status: 204 };
  });
  // Docker takes a network's name for a pattern.
  api.route('GET /networks', (request) => {
    const [pattern = ''] = filterOf(request, 'name');
    return {
      status: 200,
      body: [...networks].filter((name) => name.includes(pattern)).map((name) => ({ Name: name })),
    };
  });
  api.route('GET /networks/:name', ({ params: [name = ''] }) => {
    if (!networks.has(name)) return gone('network');
    const endpoints = [...containers.values()]
      .filter((one) => runs(one) && one.networks.includes(name))
      .map((one) => [one.id, { Name: one.name, IPv4Address: `${addressOf(one)}/8`, IPv6Address: '' }]);
    return { status: 200, body: { Name: name, Containers: Object.fromEntries(endpoints) } };
  });
  api.route('POST /networks/:name/disconnect', () => ({ status: 200 }));
  api.route('GET /images/:name*/json', ({ params }) => {
    const image = images.get(params[0] ?? '');
    if (!image) return gone('image');
    return {
      status: 200,
      body: { Id: image.id, Config: { Labels: image.labels ?? null, User: image.user ?? '10001' } },
    };
  });
  api.route('POST /images/create', ({ query }) => {
    const ref = pulledRef(query);
    const image = registry.get(ref);
    if (!image) return { status: 404, body: { message: `manifest for ${ref} not found` } };
    images.set(ref, image);
    return { status: 200, body: `${JSON.stringify({ status: 'Pull complete' })}\r\n` };
  });

  const world: FakeDockerWorld = { containers, networks, images, registry, put, daemonId: 'THE:DAEMON' };
  api.route('GET /info', () => ({
    status: 200,
    body: { ID: world.daemonId, SystemTime: new Date().toISOString() },
  }));
  return world;
}

interface CreateBody {
  readonly Image: string;
  readonly Labels: Readonly<Record<string, string>>;
  readonly HostConfig: { readonly NetworkMode: string };
}

function filterOf({ query }: DockerRequest, name: string): readonly string[] {
  const filters = JSON.parse(query.filters ?? '{}') as Record<string, readonly string[]>;
  return filters[name] ?? [];
}

function pulledRef({ fromImage = '', tag = '' }: Readonly<Record<string, string>>): string {
  return tag.startsWith('sha256:') ? `${fromImage}@${tag}` : `${fromImage}:${tag}`;
}
