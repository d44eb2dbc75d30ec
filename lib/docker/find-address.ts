import { z } from 'zod';
import type { DockerConnection } from './connection.ts';
import { look } from './look.ts';
import { hasStatus } from './map-error.ts';

const endpoint = z.object({ IPAddress: z.string().nullish(), GlobalIPv6Address: z.string().nullish() });
const inspection = z.object({
  NetworkSettings: z.object({ Networks: z.record(z.string(), endpoint.nullable()).nullish() }),
});

/** Where the container is reached on a network; null when it is gone, not running, or not on that network. */
export async function findAddress(
  connection: DockerConnection,
  { containerId, network }: { containerId: string; network: string },
  signal: AbortSignal,
): Promise<string | null> {
  try {
    const info = await look(connection, signal, {
      verb: 'find address',
      form: inspection,
      ask: (docker, abortSignal) => docker.getContainer(containerId).inspect({ abortSignal }),
    });
    const found = info.NetworkSettings.Networks?.[network];
    return found?.IPAddress || found?.GlobalIPv6Address || null;
  } catch (error) {
    if (hasStatus(error, 404)) return null;
    throw error;
  }
}
