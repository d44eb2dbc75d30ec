import { z } from 'zod';
import type { DockerConnection } from './connection.ts';
import { look } from './look.ts';
import { hasStatus } from './map-error.ts';

const endpoint = z.object({ IPv4Address: z.string().nullish(), IPv6Address: z.string().nullish() });
const inspection = z.object({ Containers: z.record(z.string(), endpoint).nullish() });

/**
 * Where every running container on a network is reached, by container id: one call, however many there are. Docker
 * answers it from the network's endpoints and looks at no container.
 */
export async function listAddresses(
  connection: DockerConnection,
  network: string,
  signal: AbortSignal,
): Promise<Map<string, string>> {
  try {
    const info = await look(connection, signal, {
      verb: 'list addresses',
      form: inspection,
      ask: (docker, abortSignal) => docker.getNetwork(network).inspect({ abortSignal }),
    });
    return new Map(
      Object.entries(info.Containers ?? {}).flatMap(([id, { IPv4Address, IPv6Address }]) => {
        // Told with the length of the network's prefix.
        const [address] = (IPv4Address || IPv6Address || '').split('/');
        return address ? [[id, address] as const] : [];
      }),
    );
  } catch (error) {
    if (hasStatus(error, 404)) return new Map();
    throw error;
  }
}
