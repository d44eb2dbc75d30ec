import type { RuntimeRecord } from '../../lib/runtime-record.ts';

/** The record of a running game `g`, except for what is given. */
export function makeRecord(given: Partial<RuntimeRecord> = {}): RuntimeRecord {
  const gameId = given.gameId ?? 'g';
  return {
    gameId,
    status: 'running',
    currentContainerId: `container of ${gameId}`,
    currentImageRef: 'engine:1',
    imageDigest: 'sha256:1',
    engineEndpoint: `http://galaxy-game-${gameId}:8080`,
    statePath: `/state/${gameId}`,
    dockerNetwork: 'galaxy',
    createdAt: 1_767_225_600_000,
    startedAt: 1_767_225_600_000,
    stoppedAt: null,
    removedAt: null,
    lastOpAt: 1_767_225_600_000,
    ...given,
  };
}
