import { z } from 'zod';
import { daemonTimeNanos } from '../daemon-time.ts';
import { RuntimeError } from '../errors.ts';
import type { DockerConnection } from './connection.ts';
import { look } from './look.ts';
import { hasStatus, mapRefusal } from './map-error.ts';

/** What a running container uses. A limit that is not set is null. */
export interface ContainerStats {
  readonly observedAtMs: number;
  /** 100 is one core in full use. */
  readonly cpuPercent: number;
  /** Cores. */
  readonly cpuQuota: number | null;
  /** Without the page cache that can be given back. */
  readonly memoryUsedBytes: number;
  readonly memoryLimitBytes: number | null;
  readonly networkRxBytes: number;
  readonly networkTxBytes: number;
  readonly blockReadBytes: number;
  readonly blockWriteBytes: number;
  readonly pids: number;
  readonly pidsLimit: number | null;
}

const count = z.number().min(0);
const cpu = z.object({ cpu_usage: z.object({ total_usage: count }) });
const measurement = z.object({
  read: z.string(),
  preread: z.string(),
  cpu_stats: cpu,
  precpu_stats: cpu,
  memory_stats: z.object({
    usage: count.nullish(),
    stats: z.record(z.string(), count).nullish(),
  }),
  pids_stats: z.object({ current: count.nullish() }).nullish(),
  networks: z.record(z.string(), z.object({ rx_bytes: count, tx_bytes: count })).nullish(),
  blkio_stats: z
    .object({ io_service_bytes_recursive: z.array(z.object({ op: z.string(), value: count })).nullish() })
    .nullish(),
});
type Measurement = z.infer<typeof measurement>;

const limited = z.object({
  State: z.object({ Running: z.boolean() }),
  HostConfig: z.object({
    NanoCpus: z.number().nullish(),
    Memory: z.number().nullish(),
    PidsLimit: z.number().nullish(),
  }),
});

/**
 * Measures a container; Docker takes a second or two for it, between two looks at its CPU time. Null where it does not
 * run, or is gone.
 */
export async function readStats(
  connection: DockerConnection,
  id: string,
  signal: AbortSignal,
): Promise<ContainerStats | null> {
  try {
    const measured = await look(connection, signal, {
      verb: 'read stats',
      form: measurement,
      ask: (docker, abortSignal) =>
        docker.getContainer(id).stats({ stream: false, abortSignal } as { stream: false }),
    });
    // After the measuring: what has ended meanwhile was measured as nothing.
    const { State, HostConfig } = await look(connection, signal, {
      verb: 'inspect container',
      form: limited,
      ask: (docker, abortSignal) => docker.getContainer(id).inspect({ abortSignal }),
    });
    if (!State.Running) return null;
    return { ...usageOf(measured), ...limitsOf(HostConfig) };
  } catch (error) {
    if (hasStatus(error, 404, 409)) return null;
    throw mapRefusal(error, 'measure the container');
  }
}

function usageOf(measured: Measurement) {
  const { memory_stats: memory, networks, blkio_stats: disk, pids_stats: pids } = measured;
  const total = (numbers: readonly number[]): number => numbers.reduce((sum, one) => sum + one, 0);
  const perNetwork = Object.values(networks ?? {});
  const perDevice = disk?.io_service_bytes_recursive ?? [];
  const moved = (kind: string): number =>
    total(perDevice.filter(({ op }) => op.toLowerCase() === kind).map(({ value }) => value));
  // Under their names of the second and of the first version of control groups.
  const cache = memory.stats?.inactive_file ?? memory.stats?.total_inactive_file ?? 0;
  return {
    ...cpuOf(measured),
    memoryUsedBytes: Math.max(0, (memory.usage ?? 0) - cache),
    networkRxBytes: total(perNetwork.map((one) => one.rx_bytes)),
    networkTxBytes: total(perNetwork.map((one) => one.tx_bytes)),
    blockReadBytes: moved('read'),
    blockWriteBytes: moved('write'),
    pids: pids?.current ?? 0,
  };
}

/** Nanoseconds of CPU in the nanoseconds between two looks. */
function cpuOf({ read, preread, cpu_stats: now, precpu_stats: before }: Measurement) {
  try {
    const [to, from] = [daemonTimeNanos(read), daemonTimeNanos(preread)];
    const used = now.cpu_usage.total_usage - before.cpu_usage.total_usage;
    const share = to > from ? Math.max(0, used) / Number(to - from) : 0;
    return { observedAtMs: Number(to / 1_000_000n), cpuPercent: Math.round(share * 10_000) / 100 };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new RuntimeError('docker_unavailable', 'Docker measured at a time that can not be read', {
      cause: error,
    });
  }
}

/** Docker writes 0, or less, or nothing where there is no limit. */
function limitsOf(host: z.infer<typeof limited>['HostConfig']) {
  const orNull = (limit: number | null | undefined): number | null => (limit && limit > 0 ? limit : null);
  const nanoCpus = orNull(host.NanoCpus);
  return {
    cpuQuota: nanoCpus === null ? null : nanoCpus / 1_000_000_000,
    memoryLimitBytes: orNull(host.Memory),
    pidsLimit: orNull(host.PidsLimit),
  };
}
