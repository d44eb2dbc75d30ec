import type { Config } from './config.ts';
import type { AttemptDocker } from './docker/docker.ts';
import type { Image } from './docker/inspect-image.ts';
import { RuntimeError } from './errors.ts';
import type { ImageRef } from './image-ref.ts';
import type { ImageUser } from './image-user.ts';

interface UserQuestion {
  readonly imageRef: ImageRef;
  readonly image: Image;
  /** The game ran this image until now: a rule that came later does not take it away. */
  readonly ranBefore?: boolean | undefined;
}

/**
 * The user that the engine runs as. Asked before anything is stopped or removed.
 *
 * @returns root where the image's user cannot be told and root is allowed
 * @throws RuntimeError `start_config_invalid` for an image that would run as root, unless
 *   `RTMANAGER_CONTAINER_ALLOW_ROOT` permits that
 */
export async function engineUser(
  docker: Pick<AttemptDocker, 'userOf'>,
  { imageRef, image, ranBefore = false }: UserQuestion,
  { container, gameState }: Config,
): Promise<ImageUser> {
  const root: ImageUser = { uid: 0, gid: 0 };
  const isRootAccepted = container.allowRoot || ranBefore;
  const isOwnerSet = gameState.ownerUid !== undefined && gameState.ownerGid !== undefined;
  // Nothing depends on the answer.
  if (isRootAccepted && isOwnerSet) return root;
  const user = await docker.userOf(image);
  if (!('unknown' in user) && user.uid !== 0) return user;
  if (isRootAccepted) return root;
  const reason = 'unknown' in user ? `: ${user.unknown}` : '';
  throw new RuntimeError(
    'start_config_invalid',
    `Image ${imageRef.text} would run as root${reason}. Build it with a USER other than root, a number at best, ` +
      'or set RTMANAGER_CONTAINER_ALLOW_ROOT=true.',
  );
}
