import { constants, type Stats } from 'node:fs';
import { lstat, mkdir, open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { RuntimeError } from './errors.ts';
import type { GameId } from './game-id.ts';
import { findResourceTrouble } from './resource-trouble.ts';

interface Rights {
  /** Permission bits, such as 0o750. */
  readonly mode: number;
  /** Owner and group, as numbers: the host's names need not exist here. */
  readonly uid: number;
  readonly gid: number;
}

interface StateDirectory extends Rights {
  /** The directory that holds all games' states; absolute. */
  readonly root: string;
  readonly gameId: GameId;
}

/**
 * Makes sure that a game's state directory `{root}/{game_id}` exists with the configured mode and owner. Run twice
 * it changes nothing; a directory left by a crash before its owner was set gets its mode and owner now. Nothing is
 * ever deleted, and nothing below the directory is touched.
 *
 * The root itself is never created: where its mount is missing, that would silently begin a new place for the
 * games' states. The directory must be a real one, so that no symbolic link leads a bind mount elsewhere (failure mode
 * 20): a game id is a single name, so what bears it and is no link lies right under the root, wherever that one leads.
 *
 * @returns the directory's path as Docker is to mount it
 * @throws RuntimeError `start_config_invalid` with a sentence that names the path and what to do; a transient
 *   `internal_error` where the host lacks a resource or the disk fails
 */
export async function ensureStateDirectory({ root, gameId, ...rights }: StateDirectory): Promise<string> {
  const path = join(root, gameId);
  const isNew = await makeDirectory(root, path);
  try {
    const found = isNew ? undefined : await lookAtReal(path);
    if (!found || !isAsWanted(found, rights)) await applyRights(path, found, rights);
  } catch (error) {
    if (error instanceof RuntimeError) throw error;
    const { mode, uid, gid } = rights;
    throw failure(
      `The state directory ${path} cannot be given mode 0${mode.toString(8)} and owner ${uid}:${gid}; run Runtime ` +
        'Manager with the right to do so, or set RTMANAGER_GAME_STATE_DIR_MODE, _OWNER_UID and _OWNER_GID to its own',
      error,
    );
  }
  return path;
}

/** False when something of that name is there already. */
async function makeDirectory(root: string, path: string): Promise<boolean> {
  try {
    // Closed to others until its owner is set.
    await mkdir(path, { mode: 0o700 });
    return true;
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return false;
    await assertRoot(root);
    throw failure(
      `The state directory ${path} cannot be created; check the rights and space of ${root}`,
      error,
    );
  }
}

async function assertRoot(root: string): Promise<void> {
  const stats = await stat(root).catch((error: unknown) => {
    throw failure(`The state root ${root} is not there; mount it, Runtime Manager does not create it`, error);
  });
  if (stats.isDirectory()) return;
  throw failure(`The state root ${root} is not a directory; set RTMANAGER_GAME_STATE_ROOT to one`);
}

async function lookAtReal(path: string): Promise<Stats> {
  const stats = await lstat(path);
  if (stats.isSymbolicLink())
    throw failure(`The state directory ${path} is a symbolic link; put a real directory in its place`);
  if (!stats.isDirectory())
    throw failure(`The state directory ${path} is not a directory; move what is there away`);
  return stats;
}

// Looked at first, so that an RTM without rights to change anything can still use what is right already.
const isAsWanted = (stats: Stats, wanted: Rights): boolean =>
  stats.uid === wanted.uid && stats.gid === wanted.gid && (stats.mode & 0o7777) === wanted.mode;

async function applyRights(
  path: string,
  found: Stats | undefined,
  { mode, uid, gid }: Rights,
): Promise<void> {
  // Through a handle that refuses links: the path may be exchanged between the look and the change.
  const handle = await open(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  try {
    // The owner first: changing it clears the set-id bits of the mode.
    if (found?.uid !== uid || found.gid !== gid) await handle.chown(uid, gid);
    await handle.chmod(mode);
  } finally {
    await handle.close();
  }
}

function errnoOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}

function failure(sentence: string, cause?: unknown): RuntimeError {
  const trouble = findResourceTrouble(cause);
  if (trouble !== undefined) {
    return new RuntimeError(
      'internal_error',
      `The state directory of the game cannot be prepared: ${trouble}.`,
      {
        cause,
        isTransient: true,
      },
    );
  }
  const errno = errnoOf(cause);
  const reason = errno === undefined ? '' : ` (${String(errno)})`;
  return new RuntimeError(
    'start_config_invalid',
    `${sentence}${reason}.`,
    cause === undefined ? {} : { cause },
  );
}
