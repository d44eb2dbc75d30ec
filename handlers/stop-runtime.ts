import { parseGameId } from '../lib/game-id.ts';
import { neverStarted } from '../lib/runtime-record.ts';
import { stopGame } from '../lib/stop-game.ts';
import type { Handler } from './types.ts';

/**
 * Stops a game (spec, section 4). Already stopped or removed is success, and so is a container that vanished
 * meanwhile, which is recorded as removed.
 */
export const stopRuntime: Handler = async (operation, context) => {
  const gameId = parseGameId(operation.gameId);
  const record = await context.records.get(gameId);
  if (!record) throw neverStarted(gameId);
  const { currentContainerId: containerId, engineEndpoint } = record;
  return { containerId, engineEndpoint, ...(await stopGame(context, record, operation.attempt)) };
};
