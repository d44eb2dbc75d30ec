import { operationOf } from '../lib/docker/container.ts';
import { runGame } from '../lib/docker/run-game.ts';
import { isSameImage } from '../lib/docker/same-image.ts';
import { disappearanceEffects, exitEffects } from '../lib/drift.ts';
import { ERROR_RULES, RuntimeError, toRuntimeError } from '../lib/errors.ts';
import { type GameId, parseGameId } from '../lib/game-id.ts';
import { type ImageRef, parseImageRef, repositoryMatches } from '../lib/image-ref.ts';
import { isSurrender } from '../lib/lease.ts';
import type { Operation } from '../lib/operation.ts';
import { type RuntimeRecord, recordStart } from '../lib/runtime-record.ts';
import type { Handler, HandlerContext, Result } from './types.ts';

/**
 * Starts a game (spec, section 4). Whatever it finds, the end is one running container with the wanted image and
 * a record that says so, or a failure that left nothing.
 */
export const startRuntime: Handler = async (operation, context) => {
  try {
    return await start(operation, context);
  } catch (error) {
    if (operation.rollbackPending && isFinal(error)) await removeLeft(operation, context);
    throw error;
  }
};

const start: Handler = async (operation, context) => {
  const { docker, log, config, now } = context;
  const gameId = parseGameId(operation.gameId);
  const imageRef = parseAllowedImage(operation.imageRef ?? '', config.image.allowlist);
  askLobby(gameId, context);

  const record = await believeDocker(await context.records.get(gameId), context);
  if (record?.status === 'running') return alreadyRunning(record, imageRef);

  const game = await runGame(
    docker,
    {
      gameId,
      imageRef,
      operationId: operation.operationId,
      attempt: operation.attempt,
      startedAtMs: now(),
    },
    config,
    log,
  );
  const { containerId, imageDigest, statePath } = game;
  const change = recordStart(
    record,
    {
      gameId,
      containerId,
      imageRef: imageRef.text,
      imageDigest,
      statePath,
      dockerNetwork: config.docker.network,
    },
    now(),
  );
  return {
    replay: false,
    containerId,
    engineEndpoint: change.next.engineEndpoint,
    effects: {
      record: change,
      health: {
        type: 'container_started',
        source: 'start',
        containerId,
        occurredAtMs: now(),
        details: { image_ref: imageRef.text },
      },
    },
    // A container that was there before this operation is not this operation's to remove.
    ...(game.created ? { undo: () => docker.undo.remove(containerId) } : {}),
  };
};

const isFinal = (error: unknown): boolean =>
  !isSurrender(error) && !ERROR_RULES[toRuntimeError(error).code].retry;

/**
 * The attempt before may have got further than this one, which another configuration or another host stopped early:
 * nothing of it stays. While that can not be done the operation is run again.
 */
async function removeLeft(
  { gameId, operationId }: Operation,
  { docker, log }: HandlerContext,
): Promise<void> {
  for (const left of await docker.listGame(parseGameId(gameId))) {
    if (operationOf(left) !== operationId) continue;
    log.warn('removing the container of an earlier attempt', { container_id: left.id });
    await docker.remove(left.id);
  }
}

function parseAllowedImage(text: string, allowlist: readonly string[] | undefined): ImageRef {
  const imageRef = parseImageRef(text);
  if (repositoryMatches(imageRef, allowlist)) return imageRef;
  throw new RuntimeError(
    'start_config_invalid',
    `Image ${imageRef.text} is not allowed; RTMANAGER_IMAGE_ALLOWLIST permits ${allowlist?.join(', ')}`,
  );
}

/** For the log only: what Lobby knows of the game. Runs beside the start and never holds it up or fails it. */
function askLobby(gameId: GameId, { lobby, log, signal }: HandlerContext): void {
  lobby.getGame(gameId, signal).then(
    (answer) => log.debug('Lobby was asked about the game', { found: answer.found }),
    (error: unknown) => log.warn('Lobby could not be asked about the game', { error }),
  );
}

/**
 * The record, corrected where Docker contradicts it: what is recorded as running and does not run is committed as
 * stopped or removed first, with its incident, so that the death of the old container is told even if the start
 * then fails.
 */
async function believeDocker(
  record: RuntimeRecord | null,
  context: HandlerContext,
): Promise<RuntimeRecord | null> {
  if (record?.status !== 'running' || record.currentContainerId === null) return record;
  const container = await context.docker.inspect(record.currentContainerId);
  if (container?.running) return record;
  const effects = container
    ? exitEffects(record, container, context.now())
    : disappearanceEffects(record, context.now());
  context.log.warn('the record said running, Docker did not; corrected', {
    container_id: record.currentContainerId,
  });
  await context.correct(effects);
  return effects.record?.next ?? record;
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
