import { z } from 'zod';
import { RuntimeError } from '../errors.ts';
import type { DockerConnection } from './connection.ts';
import { look } from './look.ts';

const list = z.array(z.object({ Name: z.string() }));

/**
 * Whether a network of exactly that name exists. Lists instead of inspecting: an inspection would bring
 * every container that is attached.
 *
 * @throws RuntimeError `start_config_invalid` where several networks have the name: Docker then starts no container by it
 */
export async function hasNetwork(
  connection: DockerConnection,
  name: string,
  signal: AbortSignal,
): Promise<boolean> {
  const networks = await look(connection, signal, {
    verb: 'list networks',
    form: list,
    ask: (docker, abortSignal) => docker.listNetworks({ filters: { name: [name] }, abortSignal }),
  });
  const count = networks.filter((network) => network.Name === name).length;
  if (count < 2) return count === 1;
  throw new RuntimeError(
    'start_config_invalid',
    `${count} Docker networks are named "${name}"; remove all but one by their ids (docker network ls), or set RTMANAGER_DOCKER_NETWORK`,
  );
}

/** @param cause what Docker said, where it was not asked before */
export const networkMissing = (network: string, cause?: unknown): RuntimeError =>
  new RuntimeError(
    'start_config_invalid',
    `Docker network "${network}" does not exist; create it or set RTMANAGER_DOCKER_NETWORK`,
    cause === undefined ? {} : { cause },
  );
