import { believeDocker } from '../lib/believe-docker.ts';
import { assertAbsenceCounts } from '../lib/daemon-trust.ts';
import { mapRefusal } from '../lib/docker/map-error.ts';
import { RuntimeError } from '../lib/errors.ts';
import { hasExpired } from '../lib/expiry.ts';
import { parseGameId } from '../lib/game-id.ts';
import { gatherExitEvidence } from '../lib/gather-exit-evidence.ts';
import { neverStarted, recordRemoval } from '../lib/runtime-record.ts';
import type { Handler } from './types.ts';

/**
 * Removes the container of a game that does not run (spec, section 4); its state directory stays. A container that is
 * gone already is success, whoever removed it.
 */
export const cleanupRuntime: Handler = async (operation, context) => {
  const { docker, records, now } = context;
  const gameId = parseGameId(operation.gameId);
  const recorded = await records.get(gameId);
  if (!recorded) throw neverStarted(gameId);
  // An earlier attempt at this operation may have found the container gone, and recorded that.
  const [found] = await context.steps();
  const containerId = recorded.currentContainerId ?? found?.containerId ?? null;
  const end = { containerId, engineEndpoint: recorded.engineEndpoint };
  if (recorded.status === 'removed') return { ...end, replay: found === undefined, effects: {} };
  // The game may have run since it was found to stand still for too long.
  if (operation.opSource === 'auto_ttl' && !hasExpired(recorded, context)) {
    return { ...end, replay: true, effects: {} };
  }

  const record = await believeDocker(recorded, context);
  if (record.status === 'removed') return { ...end, replay: false, effects: {} };
  const container = containerId === null ? null : await docker.inspect(containerId);
  if (containerId !== null && !container) await assertAbsenceCounts(context);
  if (record.status === 'running' || container?.running) {
    throw new RuntimeError(
      'conflict',
      `Container ${containerId} of the game is running; stop the game first`,
      {
        details: { container_id: containerId },
      },
    );
  }
  if (container) {
    // Before its log goes with it, and on record before: an attempt that follows finds nothing to read any more.
    const exitEvidence = await gatherExitEvidence(context, container);
    if (exitEvidence) await context.commitStep({ exitEvidence });
    await docker.remove(container.id).catch((error: unknown) => {
      throw mapRefusal(error, `remove container ${container.id}`);
    });
  }
  return { ...end, replay: false, effects: { record: recordRemoval(record, now()) } };
};
