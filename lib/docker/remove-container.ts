import type { DockerConnection } from './connection.ts';
import { CALL_DEADLINE_MS } from './deadlines.ts';
import { hasStatus } from './map-error.ts';

/**
 * Removes a container by its id, running or not, with its anonymous volumes. Already gone, or being removed
 * by somebody else, is success.
 */
export async function removeContainer(
  connection: DockerConnection,
  id: string,
  signal: AbortSignal,
): Promise<void> {
  try {
    await connection.call('remove container', CALL_DEADLINE_MS.act, signal, (docker, abortSignal) =>
      docker.getContainer(id).remove({ force: true, v: true, abortSignal }),
    );
  } catch (error) {
    if (!hasStatus(error, 404, 409)) throw error;
  }
}
