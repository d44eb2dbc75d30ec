import { makeDocker } from '../../dev/docker-client.ts';

export { GAME_IMAGE, GAME_IMAGE_PATCHED } from '../../dev/images/game-image.ts';

/** The Docker Engine that the suite uses; nothing is opened before the first call. */
export const docker = makeDocker();
