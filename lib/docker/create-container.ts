import type { ContainerCreateOptions } from 'dockerode';
import { RuntimeError } from '../errors.ts';
import type { DockerConnection } from './connection.ts';
import { CALL_DEADLINE_MS } from './deadlines.ts';
import type { Image } from './inspect-image.ts';

/** Everything about a game's container that RTM decides; the rest is the image's. */
export interface ContainerSpec {
  readonly name: string;
  readonly imageRef: string;
  readonly hostname: string;
  readonly network: string;
  readonly aliases: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  /** The game's directory on the host and where the engine sees it. */
  readonly mount: { readonly source: string; readonly target: string };
  readonly limits: { readonly nanoCpus: number; readonly memoryBytes: number; readonly pidsLimit: number };
  readonly log: { readonly driver: string; readonly options: Readonly<Record<string, string>> };
  /** Of the image; null without one. */
  readonly healthcheck: Image['healthcheck'];
  /** Capabilities given back after all were dropped. */
  readonly capAdd: readonly string[];
  readonly readOnlyRootfs: boolean;
  /** OCI runtime, undefined for the daemon's default. */
  readonly runtime?: string | undefined;
}

/** Creates the container and returns its id. Rejects with Docker's status (409: the name is taken). */
export async function createContainer(
  connection: DockerConnection,
  spec: ContainerSpec,
  signal: AbortSignal,
): Promise<string> {
  const body = createBody(spec);
  return connection.call('create container', CALL_DEADLINE_MS.act, signal, async (docker, abortSignal) => {
    // dockerode puts plain options into the URL too; these two keep query and body apart.
    const options = { _query: { name: spec.name }, _body: body, abortSignal };
    const { id } = await docker.createContainer(options as ContainerCreateOptions);
    if (typeof id !== 'string' || id === '') {
      throw new RuntimeError(
        'docker_unavailable',
        'Docker did not tell the id of the container that it created',
      );
    }
    return id;
  });
}

/** Docker runs a health check outside of all limits, and each run takes three of the 256 events that it remembers. */
const MIN_HEALTH_INTERVAL_NANOS = 10_000_000_000;
/** Docker's own default. */
const MAX_HEALTH_TIMEOUT_NANOS = 30_000_000_000;

/** Keeps the image's command, which Docker inherits where `Test` is empty, and bounds how often and how long it runs. */
function healthcheckBody({ interval, timeout, startInterval }: NonNullable<Image['healthcheck']>) {
  return {
    Test: [],
    ...(interval > 0 ? { Interval: Math.max(interval, MIN_HEALTH_INTERVAL_NANOS) } : {}),
    ...(timeout > 0 ? { Timeout: Math.min(timeout, MAX_HEALTH_TIMEOUT_NANOS) } : {}),
    ...(startInterval > 0 ? { StartInterval: Math.max(startInterval, MIN_HEALTH_INTERVAL_NANOS) } : {}),
  };
}

/** The request body of `POST /containers/create` (Engine API 1.41 and newer). */
export function createBody(spec: ContainerSpec): ContainerCreateOptions {
  return {
    Image: spec.imageRef,
    Hostname: spec.hostname,
    Labels: { ...spec.labels },
    ...(spec.healthcheck ? { Healthcheck: healthcheckBody(spec.healthcheck) } : {}),
    // Two names for one path: engines of both generations find it.
    Env: [`GAME_STATE_PATH=${spec.mount.target}`, `STORAGE_PATH=${spec.mount.target}`],
    HostConfig: {
      NetworkMode: spec.network,
      // A mount, not a bind string: Docker refuses a missing source instead of creating it for root.
      Mounts: [{ Type: 'bind', Source: spec.mount.source, Target: spec.mount.target }],
      RestartPolicy: { Name: 'no' },
      LogConfig: { Type: spec.log.driver, Config: { ...spec.log.options } },
      // PID 1 that passes signals on and reaps; many engines do neither.
      Init: true,
      SecurityOpt: ['no-new-privileges'],
      CapDrop: ['ALL'],
      CapAdd: [...spec.capAdd],
      ReadonlyRootfs: spec.readOnlyRootfs,
      NanoCpus: spec.limits.nanoCpus,
      Memory: spec.limits.memoryBytes,
      // No swap on top of the memory limit, or the limit would be twice what it says.
      MemorySwap: spec.limits.memoryBytes,
      PidsLimit: spec.limits.pidsLimit,
      ...(spec.runtime === undefined ? {} : { Runtime: spec.runtime }),
    },
    NetworkingConfig: { EndpointsConfig: { [spec.network]: { Aliases: [...spec.aliases] } } },
  };
}
