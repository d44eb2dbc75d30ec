import type { DockerConnection } from './connection.ts';
import { CALL_DEADLINE_MS } from './deadlines.ts';
import { hasStatus } from './map-error.ts';

/** Starts a created container. Already running is success. Rejects with Docker's status. */
export async function startContainer(
  connection: DockerConnection,
  id: string,
  signal: AbortSignal,
): Promise<void> {
  try {
    await connection.call('start container', CALL_DEADLINE_MS.act, signal, (docker, abortSignal) =>
      docker.getContainer(id).start({ abortSignal }),
    );
  } catch (error) {
    if (!hasStatus(error, 304)) throw error;
  }
}

/**
 * Frees an endpoint that a dead container left in the network under this name; a name that is not there is
 * success.
 */
export async function disconnectEndpoint(
  connection: DockerConnection,
  { network, container }: { network: string; container: string },
  signal: AbortSignal,
): Promise<void> {
  try {
    await connection.call('disconnect network', CALL_DEADLINE_MS.look, signal, (docker, abortSignal) =>
      docker.getNetwork(network).disconnect({ Container: container, Force: true, abortSignal }),
    );
  } catch (error) {
    if (!hasStatus(error, 404)) throw error;
  }
}
