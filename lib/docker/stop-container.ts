import type { DockerConnection } from './connection.ts';
import { CALL_DEADLINE_MS } from './deadlines.ts';
import { hasStatus } from './map-error.ts';

/**
 * Stops a container: SIGTERM, then SIGKILL after `graceSeconds`. False when there is no such container any more;
 * one that is already stopped is success.
 */
export async function stopContainer(
  connection: DockerConnection,
  { id, graceSeconds }: { id: string; graceSeconds: number },
  signal: AbortSignal,
): Promise<boolean> {
  const deadlineMs = graceSeconds * 1_000 + CALL_DEADLINE_MS.stopMargin;
  try {
    await connection.call('stop container', deadlineMs, signal, (docker, abortSignal) =>
      docker.getContainer(id).stop({ t: graceSeconds, abortSignal }),
    );
    return true;
  } catch (error) {
    if (hasStatus(error, 404)) return false;
    if (hasStatus(error, 304)) return true;
    throw error;
  }
}
