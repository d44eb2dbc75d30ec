import type { DockerConnection } from './connection.ts';
import { look } from './look.ts';

/**
 * Whether a network of exactly that name exists. Lists instead of inspecting: an inspection would bring
 * every container that is attached.
 */
export async function hasNetwork(
  connection: DockerConnection,
  name: string,
  signal: AbortSignal,
): Promise<boolean> {
  const networks = await look(connection, 'list networks', signal, (docker, abortSignal) =>
    docker.listNetworks({ filters: { name: [name] }, abortSignal }),
  );
  return networks.some((network) => network.Name === name);
}
