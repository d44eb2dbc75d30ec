import { disappearanceEffects } from '../lib/drift.ts';
import { RuntimeError } from '../lib/errors.ts';
import { parseGameId } from '../lib/game-id.ts';
import { recordStop } from '../lib/runtime-record.ts';
import type { Handler } from './types.ts';

/**
 * Stops a game (spec, section 4): SIGTERM, the grace period, SIGKILL. Already stopped or removed is success, and so
 * is a container that vanished meanwhile, which is recorded as removed.
 */
export const stopRuntime: Handler = async (operation, { docker, records, config, now, log }) => {
  const gameId = parseGameId(operation.gameId);
  const record = await records.get(gameId);
  if (!record) throw new RuntimeError('not_found', `Game ${gameId} has never been started here`);
  const end = { containerId: record.currentContainerId, engineEndpoint: record.engineEndpoint };
  if (record.status !== 'running' || record.currentContainerId === null) {
    return { ...end, replay: true, effects: {} };
  }
  const there = await docker.stop(record.currentContainerId, config.container.stopTimeoutMs / 1_000);
  if (!there)
    log.warn('the container vanished before it could be stopped', { container_id: end.containerId });
  return {
    ...end,
    replay: false,
    effects: there ? { record: recordStop(record, now()) } : disappearanceEffects(record, now()),
  };
};
