import type { InspectedContainer } from '../docker/container.ts';
import type { Docker } from '../docker/docker.ts';
import { GAME_LABEL } from '../docker/labels.ts';
import type { GameId } from '../game-id.ts';
import { containerName } from '../game-names.ts';
import { parseImageRef } from '../image-ref.ts';
import type { DockerFacts } from './facts.ts';

export type LookingDocker = Pick<
  Docker,
  'listGame' | 'inspect' | 'readLogTail' | 'hasNetwork' | 'findImage' | 'daemon'
>;

interface Look {
  readonly docker: LookingDocker;
  readonly gameId: GameId;
  /** The container on record. */
  readonly containerId: string | null;
  /** The image that an operation is about to run; null where none is. */
  readonly imageRef: string | null;
  /** Aborts when nobody waits for the answer any more. */
  readonly signal: AbortSignal;
}

/** Whoever asks has PostgreSQL's part already: Docker is a matter of milliseconds, or is told to be away. */
const LOOK_MS = 1_500;

/**
 * What Docker shows of a game, as far as it answers in time: what it does not say is missing, and `trouble` says why.
 *
 * @throws the reason of `signal`, and nothing else
 */
export async function lookAtGame({
  docker,
  gameId,
  containerId,
  imageRef,
  signal,
}: Look): Promise<DockerFacts> {
  const inTime = AbortSignal.any([signal, AbortSignal.timeout(LOOK_MS)]);
  let trouble: string | null = null;
  const orNull = async <T>(asked: Promise<T>): Promise<T | null> => {
    try {
      return await asked;
    } catch (error) {
      signal.throwIfAborted();
      trouble ??= inTime.aborted ? `Docker did not answer within ${LOOK_MS} ms` : sayingOf(error);
      return null;
    }
  };

  const [listed, recorded, named, networkExists, missingImage] = await Promise.all([
    orNull(docker.listGame(gameId, inTime)),
    containerId === null ? null : orNull(docker.inspect(containerId, inTime)),
    orNull(docker.inspect(containerName(gameId), inTime)),
    orNull(docker.hasNetwork(inTime)),
    orNull(missing(docker, imageRef, inTime)),
  ]);
  const found = [recorded, named].filter((one) => one !== null);
  const others = (listed ?? []).filter((one) => found.every(({ id }) => id !== one.id));
  const inspected = await Promise.all(others.map((one) => orNull(docker.inspect(one.id, inTime))));
  const containers = unique([...found, ...inspected.filter((one) => one !== null)]);
  // Whether a container that is missing, or one too many, means anything, depends on whose they are.
  const isInStep = containers.every((one) => one.id === containerId) && (recorded || containerId === null);
  const daemon = isInStep ? null : await orNull(docker.daemon(inTime));
  // Of somebody else's container under the game's name only the name is the game's.
  const logged = containers.find((one) => one.id === containerId || one.labels[GAME_LABEL] === gameId);
  const lines = logged && (await orNull(docker.readLogTail(logged, inTime)));
  const log = logged && lines ? { containerId: logged.id, lines } : null;
  return { trouble, containers, networkExists, missingImage, daemonId: daemon?.id ?? null, log };
}

const sayingOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

const unique = (containers: readonly InspectedContainer[]): InspectedContainer[] => [
  ...new Map(containers.map((one) => [one.id, one])).values(),
];

/** The reference that was given, when Docker has no such image; null also where there is none to look for, or it is none. */
async function missing(
  docker: LookingDocker,
  imageRef: string | null,
  signal: AbortSignal,
): Promise<string | null> {
  const ref = imageRef === null ? null : parsedOrNull(imageRef);
  return ref && (await docker.findImage(ref, signal)) === null ? imageRef : null;
}

/** Whether a text is an image reference, and which. */
export function parsedOrNull(imageRef: string): ReturnType<typeof parseImageRef> | null {
  try {
    return parseImageRef(imageRef);
  } catch {
    return null;
  }
}
