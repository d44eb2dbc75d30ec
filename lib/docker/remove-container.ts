import { setTimeout as sleep } from 'node:timers/promises';
import type { DockerConnection } from './connection.ts';
import { CALL_DEADLINE_MS } from './deadlines.ts';
import { inspectContainer } from './inspect-container.ts';
import { hasStatus, isOwnTrouble } from './map-error.ts';

/** How long somebody else's removal is waited for, and how often it is looked at. */
const OTHERS_REMOVAL_MS = 10_000;
const LOOK_EVERY_MS = 50;

/**
 * Removes a container by its id, running or not, with its anonymous volumes. Already gone is success, also where Docker
 * calls the removal an error (failure-modes.md, row 7); where somebody else is removing it, that is waited for, because
 * its name is taken until then.
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
    if (hasStatus(error, 404)) return;
    if (isOwnTrouble(error) && !(await inspectContainer(connection, id, signal))) return;
    if (!hasStatus(error, 409) || !(await goesAway(connection, id, signal))) throw error;
  }
}

async function goesAway(connection: DockerConnection, id: string, signal: AbortSignal): Promise<boolean> {
  const deadlineMs = performance.now() + OTHERS_REMOVAL_MS;
  while (performance.now() < deadlineMs) {
    if (!(await inspectContainer(connection, id, signal))) return true;
    await sleep(LOOK_EVERY_MS);
  }
  return false;
}
