import { setImmediate } from 'node:timers/promises';
import { believeDocker } from '../lib/believe-docker.ts';
import { isSameImage } from '../lib/docker/same-image.ts';
import { OperationFailure } from '../lib/effects.ts';
import { RuntimeError, toRuntimeError } from '../lib/errors.ts';
import { type GameId, parseGameId } from '../lib/game-id.ts';
import { mayShareName } from '../lib/game-names.ts';
import { type ImageRef, parseImageRef } from '../lib/image-ref.ts';
import { isSurrender } from '../lib/lease.ts';
import { withoutLeftovers } from '../lib/remove-left.ts';
import type { RuntimeRecord } from '../lib/runtime-record.ts';
import { afterFailedStart, assertAllowed, startGame } from '../lib/start-game.ts';
import type { Handler, HandlerContext, Result } from './types.ts';

/**
 * Starts a game (spec, section 4). Whatever it finds, the end is one running container with the wanted image and
 * a record that says so, or a failure that left nothing.
 */
export const startRuntime: Handler = (operation, context) =>
  withoutLeftovers({ ...context, operation }, () => start(operation, context));

const start: Handler = async (operation, context) => {
  const gameId = parseGameId(operation.gameId);
  const imageRef = parseImageRef(operation.imageRef ?? '');
  assertAllowed(imageRef, context.config);
  askLobby(gameId, context);

  const recorded = await context.records.get(gameId);
  const record = recorded && (await believeDocker(recorded, context));
  if (record?.status === 'running') return alreadyRunning(record, imageRef);
  if (!record) await assertOwnName(gameId, context);
  try {
    return { replay: false, ...(await startGame(context, { operation, gameId, imageRef, record })) };
  } catch (error) {
    if (isSurrender(error)) throw error;
    const failure = toRuntimeError(error);
    const effects = await afterFailedStart(context, record, failure);
    throw new OperationFailure(failure, { effects, imageRef: imageRef.text });
  }
};

/**
 * For the log only: what Lobby knows of the game. Runs beside the start and never holds it up or fails it: the question is
 * not even made before what the start itself has to ask is on its way.
 */
function askLobby(gameId: GameId, { lobby, log, signal }: HandlerContext): void {
  setImmediate()
    .then(() => lobby.getGame(gameId, signal))
    .then(
      (answer) => log.debug('Lobby was asked about the game', { found: answer.found }),
      (error: unknown) => log.warn('Lobby could not be asked about the game', { error }),
    );
}

/** A new game whose container name and endpoint are another game's would answer for it. */
async function assertOwnName(gameId: GameId, { records }: HandlerContext): Promise<void> {
  if (!mayShareName(gameId)) return;
  const other = await records.sharingName(gameId);
  if (other === null) return;
  throw new RuntimeError(
    'conflict',
    `Game ${gameId} would get the container name of game ${other}; choose another game id`,
  );
}

function alreadyRunning(record: RuntimeRecord, wanted: ImageRef): Result {
  if (!isSameImage(record.currentImageRef, wanted)) {
    throw new RuntimeError(
      'conflict',
      `The game is running ${record.currentImageRef}, not ${wanted.text}; stop or patch it`,
      { details: { container_id: record.currentContainerId } },
    );
  }
  return {
    replay: true,
    containerId: record.currentContainerId,
    engineEndpoint: record.engineEndpoint,
    effects: {},
  };
}
