import type { Result } from '../../handlers/types.ts';
import { makeRecord } from './records.ts';

/** How a start of a game that was never started before ends well. */
export function startedResult(gameId = 'g', containerId = 'c1'): Result {
  return {
    replay: false,
    containerId,
    engineEndpoint: `http://galaxy-game-${gameId}:8080`,
    effects: {
      record: { expected: null, next: makeRecord({ gameId, currentContainerId: containerId }) },
      health: [
        {
          type: 'container_started',
          source: 'start',
          containerId,
          occurredAtMs: 1_767_225_600_000,
          details: { image_ref: 'engine:1' },
        },
      ],
    },
  };
}

/** A start that found everything done already. */
export function replayResult(gameId = 'g'): Result {
  return { ...startedResult(gameId), replay: true, effects: {} };
}
