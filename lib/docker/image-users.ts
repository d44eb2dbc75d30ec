import { randomUUID } from 'node:crypto';
import type { ContainerCreateOptions } from 'dockerode';
import { RuntimeError } from '../errors.ts';
import { type ImageUser, numericUser, resolveUser, type UnknownUser } from '../image-user.ts';
import type { Semaphore } from '../semaphore.ts';
import { makeSingleFlight } from '../single-flight.ts';
import { readArchivedFile } from './archive-file.ts';
import type { DockerConnection } from './connection.ts';
import { CALL_DEADLINE_MS } from './deadlines.ts';
import type { Image } from './inspect-image.ts';
import { OWNER_LABEL } from './labels.ts';
import { mapTrouble } from './look.ts';
import { DockerStatusError, hasStatus } from './map-error.ts';
import { removeContainer } from './remove-container.ts';

/** An image id never names another content, so an answer stays true. */
const MAX_KNOWN_IMAGES = 1_000;

export interface ImageUsers {
  /**
   * The user that a container of the image runs as. A numeric user costs no call to Docker, a name costs a few calls
   * once per image.
   *
   * @throws RuntimeError `docker_unavailable`
   */
  find(image: Image, signal: AbortSignal): Promise<ImageUser | UnknownUser>;
}

/** @param slots bounds the containers that are created at one time */
export function makeImageUsers(connection: DockerConnection, slots: Semaphore): ImageUsers {
  const known = new Map<string, ImageUser | UnknownUser>();
  const lookups = makeSingleFlight<string, ImageUser | UnknownUser>();

  async function lookUp(image: Image, signal: AbortSignal): Promise<ImageUser | UnknownUser> {
    try {
      const user = await slots.run(() => readUser(connection, image, signal), signal);
      const [oldest] = known.keys();
      if (known.size >= MAX_KNOWN_IMAGES && oldest !== undefined) known.delete(oldest);
      known.set(image.id, user);
      return user;
    } catch (error) {
      const trouble = mapTrouble('read the users of an image', error);
      if (!(trouble instanceof DockerStatusError)) throw trouble;
      return { unknown: `Docker refused to show /etc/passwd of the image: ${trouble.message}` };
    }
  }

  return {
    async find(image, signal) {
      const user = numericUser(image.user) ?? known.get(image.id);
      return user ?? lookups.run(image.id, (shared) => lookUp(image, shared), signal);
    },
  };
}

async function readUser(
  connection: DockerConnection,
  image: Image,
  signal: AbortSignal,
): Promise<ImageUser | UnknownUser> {
  const id = await createReader(connection, image, signal);
  try {
    const passwd = await readFile(connection, id, '/etc/passwd', signal);
    const group = image.user.includes(':') ? await readFile(connection, id, '/etc/group', signal) : null;
    return resolveUser(image.user, { passwd, group });
  } finally {
    await removeContainer(connection, id, AbortSignal.timeout(CALL_DEADLINE_MS.act));
  }
}

/**
 * A container that is never started: Docker shows files of containers only, not of images. It lacks the owner label, also
 * where the image has that label, so no list, event or reconcile pass takes it for a game.
 */
async function createReader(
  connection: DockerConnection,
  image: Image,
  signal: AbortSignal,
): Promise<string> {
  const body: ContainerCreateOptions = {
    Image: image.id,
    // Docker wants a command of an image that has none.
    Cmd: ['never-started'],
    Labels: { [OWNER_LABEL]: '', 'com.galaxy.kind': 'image-user-lookup' },
    HostConfig: { NetworkMode: 'none', CapDrop: ['ALL'], SecurityOpt: ['no-new-privileges'] },
  };
  return connection.call('create container', CALL_DEADLINE_MS.act, signal, async (docker, abortSignal) => {
    const options = { _query: { name: `galaxy-image-users-${randomUUID()}` }, _body: body, abortSignal };
    const { id } = await docker.createContainer(options as unknown as ContainerCreateOptions);
    if (typeof id === 'string' && id !== '') return id;
    throw new RuntimeError(
      'docker_unavailable',
      'Docker did not tell the id of the container that it created',
    );
  });
}

/** The text of a file; null where the image has no regular file of at most 256 KiB there. */
async function readFile(
  connection: DockerConnection,
  id: string,
  path: string,
  signal: AbortSignal,
): Promise<string | null> {
  try {
    return await connection.call(
      'read archive',
      CALL_DEADLINE_MS.look,
      signal,
      async (docker, abortSignal) => {
        const archive = await docker.getContainer(id).getArchive({ path, abortSignal });
        return readArchivedFile(archive as AsyncIterable<Uint8Array> & NodeJS.ReadableStream);
      },
    );
  } catch (error) {
    if (hasStatus(error, 404)) return null;
    throw error;
  }
}
