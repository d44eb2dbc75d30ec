import { assertRunnable } from './check-image.ts';
import type { Config } from './config.ts';
import type { AttemptDocker } from './docker/docker.ts';
import { networkMissing } from './docker/find-network.ts';
import type { Image } from './docker/inspect-image.ts';
import { runGame } from './docker/run-game.ts';
import type { Effects } from './effects.ts';
import { engineUser } from './engine-user.ts';
import { RuntimeError } from './errors.ts';
import type { GameId } from './game-id.ts';
import { type ImageRef, repositoryMatches } from './image-ref.ts';
import type { Logger } from './logger.ts';
import type { Operation } from './operation.ts';
import { type RuntimeRecord, recordAdoption, recordRemoval, recordStart } from './runtime-record.ts';

/** What a start needs of its attempt. */
export interface StartTools {
  readonly docker: AttemptDocker;
  readonly config: Config;
  readonly log: Logger;
  readonly now: () => number;
}

interface StartRequest {
  readonly operation: Operation;
  readonly gameId: GameId;
  readonly imageRef: ImageRef;
  /** Where it was provided before; otherwise the pull policy provides it. */
  readonly image?: Image | undefined;
  /** What is recorded; it does not say `running`. */
  readonly record: RuntimeRecord | null;
  /** The game ran this image until now: no rule that came later takes it away. */
  readonly ranBefore?: boolean;
}

interface StartedGame {
  readonly containerId: string;
  readonly engineEndpoint: string;
  readonly effects: Effects;
  readonly undo?: () => Promise<void>;
  readonly afterUndo?: (why: RuntimeError) => Effects;
}

/** @throws RuntimeError `start_config_invalid` for an image that is not on the allowlist */
export function assertAllowed(imageRef: ImageRef, { image }: Config): void {
  if (repositoryMatches(imageRef, image.allowlist)) return;
  throw new RuntimeError(
    'start_config_invalid',
    `Image ${imageRef.text} is not allowed; RTMANAGER_IMAGE_ALLOWLIST permits ${image.allowlist?.join(', ')}`,
  );
}

/** Everything that can be made ready, and can fail, while the old container still runs: so that costs no downtime. */
export async function prepareStart({ docker, config }: StartTools, imageRef: ImageRef): Promise<Image> {
  assertAllowed(imageRef, config);
  if (!(await docker.hasNetwork())) throw networkMissing(docker.network);
  const image = await docker.ensureImage(imageRef);
  assertRunnable(imageRef, image);
  await engineUser(docker, { imageRef, image }, config);
  return image;
}

/** Brings the game to run and returns what to record of it. */
export async function startGame(
  { docker, config, log, now }: StartTools,
  { operation, gameId, imageRef, image, record, ranBefore = false }: StartRequest,
): Promise<StartedGame> {
  const { operationId, attempt } = operation;
  const game = await runGame(
    docker,
    {
      gameId,
      imageRef,
      image,
      ranBefore,
      recordedId: record?.currentContainerId ?? null,
      operationId,
      attempt,
      startedAtMs: now(),
    },
    config,
    log,
  );
  const { containerId, imageDigest, statePath } = game;
  const dockerNetwork = config.docker.network;
  const start = { gameId, containerId, imageRef: imageRef.text, imageDigest, statePath, dockerNetwork };
  const change =
    game.ranSinceMs === null
      ? recordStart(record, start, now())
      : recordAdoption(record, { ...start, startedAtMs: game.ranSinceMs }, now());
  return {
    containerId,
    engineEndpoint: change.next.engineEndpoint,
    effects: {
      record: change,
      health: [
        {
          type: 'container_started',
          source: 'start',
          containerId,
          occurredAtMs: now(),
          details: { image_ref: imageRef.text },
        },
      ],
    },
    // A container that was there before this operation is not this operation's to remove.
    ...(game.created
      ? { undo: () => docker.undo.remove(containerId), afterUndo: () => withoutOld(record, now()) }
      : {}),
  };
}

/** The old container of a stopped game had to make room; its loss is RTM's own doing and no incident. */
const withoutOld = (record: RuntimeRecord | null, nowMs: number): Effects =>
  record?.status === 'stopped' && record.currentContainerId !== null
    ? { record: recordRemoval(record, nowMs) }
    : {};

/** What a failed start leaves to record: the container of a stopped game may have had to make room for the new one. */
export async function afterFailedStart(
  { docker, now }: StartTools,
  record: RuntimeRecord | null,
  error: RuntimeError,
): Promise<Effects> {
  if (record?.status !== 'stopped' || record.currentContainerId === null) return {};
  // Not asked of a Docker that does not answer: the operation is run again, or reconcile finds out.
  if (error.code === 'docker_unavailable') return {};
  if (await docker.undo.inspect(record.currentContainerId)) return {};
  return withoutOld(record, now());
}
