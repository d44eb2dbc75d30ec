import type { DockerConnection } from './connection.ts';
import { look } from './look.ts';
import { hasStatus } from './map-error.ts';

/** Where the container is reached on a network; null when it is gone, not running, or not on that network. */
export async function findAddress(
  connection: DockerConnection,
  { containerId, network }: { containerId: string; network: string },
  signal: AbortSignal,
): Promise<string | null> {
  try {
    const info = await look(connection, 'find address', signal, (docker, abortSignal) =>
      docker.getContainer(containerId).inspect({ abortSignal }),
    );
    const endpoint = info.NetworkSettings.Networks?.[network];
    return endpoint?.IPAddress || endpoint?.GlobalIPv6Address || null;
  } catch (error) {
    if (hasStatus(error, 404)) return null;
    throw error;
  }
}
