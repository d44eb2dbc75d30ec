import { setTimeout as sleep } from 'node:timers/promises';
import { type ErrorCode, RuntimeError, toRuntimeError } from '../errors.ts';
import type { GameId } from '../game-id.ts';
import type { ImageRef } from '../image-ref.ts';
import { isSurrender } from '../lease.ts';
import { type InspectedContainer, imageRefOf, isOurs, operationOf } from './container.ts';
import type { ContainerSpec } from './create-container.ts';
import type { AttemptDocker } from './docker.ts';
import { networkMissing } from './find-network.ts';
import { GAME_LABEL, OWNER, OWNER_LABEL } from './labels.ts';
import { DockerStatusError, hasStatus } from './map-error.ts';
import { isSameImage } from './same-image.ts';

interface CreateRequest {
  readonly gameId: GameId;
  readonly imageRef: ImageRef;
  readonly operationId: string;
}

/** The container that runs now; `created` when this operation created it, in this attempt or an earlier one. */
export interface Started {
  readonly containerId: string;
  readonly created: boolean;
}

/** The image was there when it was inspected and is not any more. Worth one more pull. */
export class ImageVanishedError extends RuntimeError {}

/** How often a name that Docker calls taken is looked at again before it counts as a failure. */
const NAME_TRIES = 3;
/** Grows with each try; Docker lets go of a name within a second. */
const NAME_PAUSE_MS = 200;

/**
 * Creates the container and starts it. On failure the container is removed again, on a fresh deadline; the error
 * says by `rollbackPending` when that could not be confirmed.
 */
export async function createAndStart(
  docker: AttemptDocker,
  request: CreateRequest,
  spec: ContainerSpec,
): Promise<Started> {
  try {
    const found = await create(docker, request, spec);
    if ('id' in found) return { containerId: found.id, created: operationOf(found) === request.operationId };
    await start(docker, found.newId, spec.name);
    return { containerId: found.newId, created: true };
  } catch (error) {
    // Whoever runs the operation next takes up what is there; this attempt may not touch it any more.
    if (isSurrender(error)) throw error;
    throw await takenBack(docker, request, spec.name, await describe(docker, error));
  }
}

/** A container just created, or one of ours that holds the name and runs what is wanted. */
type Found = { readonly newId: string } | InspectedContainer;

async function create(docker: AttemptDocker, request: CreateRequest, spec: ContainerSpec): Promise<Found> {
  for (let tries = 1; ; tries += 1) {
    try {
      return { newId: await docker.create(spec) };
    } catch (error) {
      if (hasStatus(error, 404) && (await docker.hasNetwork())) {
        throw new ImageVanishedError(
          'image_pull_failed',
          `Image ${request.imageRef.text} vanished from this host before its container was created`,
          { cause: error },
        );
      }
      if (!hasStatus(error, 409) || tries === NAME_TRIES) throw error;
      const holder = await freeName(docker, request, spec.name);
      if (holder) return holder;
      await sleep(NAME_PAUSE_MS * tries);
    }
  }
}

/**
 * Looks at who holds the name. Our own that runs the same image is returned, to be taken over; our own that does not
 * run is removed; anything else stays and is told.
 */
async function freeName(
  docker: AttemptDocker,
  { gameId, imageRef }: CreateRequest,
  name: string,
): Promise<InspectedContainer | undefined> {
  const holder = await docker.inspect(name);
  // Docker sometimes holds a name for a container that is gone: worth another try.
  if (!holder) return undefined;
  if (!isOurs(holder, { gameId, network: docker.network })) {
    throw nameTaken(holder, docker.network);
  }
  if (!holder.running) {
    await docker.remove(holder.id);
    return undefined;
  }
  if (isSameImage(imageRefOf(holder), imageRef)) return holder;
  throw new RuntimeError(
    'conflict',
    `Container ${name} of this game is running ${imageRefOf(holder)}, not ${imageRef.text}; stop it first`,
    { details: { container_id: holder.id } },
  );
}

/**
 * The failure of a start whose container name another container holds. That one may be the live engine of another game, so
 * nothing advises to remove it.
 */
export function nameTaken({ id, name, labels, networks }: InspectedContainer, network: string): RuntimeError {
  const game = labels[OWNER_LABEL] === OWNER ? labels[GAME_LABEL] : undefined;
  const whose =
    game === undefined
      ? 'Runtime Manager did not create it; rename it (docker rename)'
      : networks.includes(network)
        ? `it is the container of game ${game}, renamed by hand; give it its own name back (docker rename)`
        : `it is the container of game ${game} and not on network ${network}; connect it again (docker network connect)`;
  return new RuntimeError(
    'container_start_failed',
    `The name ${name} is taken by container ${id.slice(0, 12)}, which was left untouched: ${whose}.`,
    { details: { container_id: id } },
  );
}

async function start(docker: AttemptDocker, id: string, name: string): Promise<void> {
  try {
    await docker.start(id);
  } catch (error) {
    // 403: the network still has an endpoint of that name from a container that died badly.
    if (!hasStatus(error, 403)) throw error;
    await docker.disconnectEndpoint(name);
    await docker.start(id);
  }
}

/** The failure in the words and the code that operators know. Never throws: the container is yet to be removed. */
async function describe(docker: AttemptDocker, error: unknown): Promise<RuntimeError> {
  if (!(error instanceof DockerStatusError)) return toRuntimeError(error);
  const network = error.status === 404 ? await docker.hasNetwork().catch(() => true) : true;
  return network
    ? new RuntimeError('container_start_failed', `Docker refused to start the container: ${error.message}`, {
        cause: error,
        details: { status: error.status },
      })
    : networkMissing(docker.network, error);
}

/** Removes what this operation left under the name, and returns the first failure with what came of that. */
async function takenBack(
  docker: AttemptDocker,
  { gameId, operationId }: CreateRequest,
  name: string,
  failure: RuntimeError,
): Promise<RuntimeError> {
  try {
    const left = await docker.undo.inspect(name);
    // All three must fit: a label alone can be copied.
    const isOwn =
      left !== null && isOurs(left, { gameId, network: docker.network }) && operationOf(left) === operationId;
    if (isOwn) await docker.undo.remove(left.id);
    if (failure instanceof ImageVanishedError) return failure;
    // A create that got no answer may still be under way in the daemon: not found now does not mean never there.
    return told(failure, failure.code, !isOwn && failure.code === 'docker_unavailable');
  } catch (undoError) {
    // Not final before somebody has looked: the operation is run again, and its next attempt finds the container.
    return told(failure, 'docker_unavailable', true, { undo_error: undoError });
  }
}

const told = (
  failure: RuntimeError,
  code: ErrorCode,
  rollbackPending: boolean,
  details: Readonly<Record<string, unknown>> = {},
): RuntimeError =>
  new RuntimeError(code, failure.message, {
    cause: failure,
    details: { ...failure.details, ...details },
    rollbackPending,
  });
