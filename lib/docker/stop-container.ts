import type { DockerConnection } from './connection.ts';
import { CALL_DEADLINE_MS } from './deadlines.ts';
import { inspectContainer } from './inspect-container.ts';
import { hasStatus, isOwnTrouble } from './map-error.ts';

/** What became of a container that was to stop; only the first of the three is our doing. */
export type StopOutcome = 'stopped' | 'was not running' | 'gone';

/**
 * Stops a container: SIGTERM, then SIGKILL after `graceSeconds`. Where Docker calls it an error the container decides
 * (failure-modes.md, row 7): one that does not run was stopped.
 */
export async function stopContainer(
  connection: DockerConnection,
  { id, graceSeconds }: { id: string; graceSeconds: number },
  signal: AbortSignal,
): Promise<StopOutcome> {
  const deadlineMs = graceSeconds * 1_000 + CALL_DEADLINE_MS.stopMargin;
  try {
    await connection.call('stop container', deadlineMs, signal, (docker, abortSignal) =>
      docker.getContainer(id).stop({ t: graceSeconds, abortSignal }),
    );
    return 'stopped';
  } catch (error) {
    if (hasStatus(error, 404)) return 'gone';
    if (hasStatus(error, 304)) return 'was not running';
    if (!isOwnTrouble(error)) throw error;
    const left = await inspectContainer(connection, id, signal);
    if (left?.running) throw error;
    return left ? 'stopped' : 'gone';
  }
}
