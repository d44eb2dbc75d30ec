import { readFile, realpath, stat } from 'node:fs/promises';

/** A mount that holds the state root, as the kernel lists it. */
interface Mount {
  readonly path: string;
  readonly options: readonly string[];
}

interface StateRootSources {
  /** The text of `/proc/self/mountinfo`; empty where the host has no such list. */
  readonly readMounts?: () => Promise<string>;
}

/**
 * Checks the directory that holds all games' states. Each check rejects when the root is no directory, or when the mount
 * that held it at an earlier check is gone: games would begin anew in the directory below. It resolves with warnings
 * about a root that lets a setuid file of an engine do harm.
 */
export function makeStateRootCheck(
  root: string,
  { readMounts = readMountinfo }: StateRootSources = {},
): () => Promise<readonly string[]> {
  let heldBy: string | undefined;
  return async () => {
    const stats = await stat(root).catch((error: unknown) => {
      throw new Error(
        `the state root ${root} cannot be read (${String((error as NodeJS.ErrnoException).code)})`,
      );
    });
    if (!stats.isDirectory()) throw new Error(`the state root ${root} is not a directory`);
    const mount = findMount(await readMounts(), await realpath(root));
    if (heldBy !== undefined && mount && mount.path.length < heldBy.length) {
      throw new Error(`the mount ${heldBy} that held the state root ${root} is gone; mount it again`);
    }
    heldBy = mount?.path ?? heldBy;
    return warningsOf(root, stats.mode, mount);
  };
}

function warningsOf(root: string, mode: number, mount: Mount | undefined): string[] {
  const missing = ['nosuid', 'nodev'].filter((option) => mount && !mount.options.includes(option));
  return [
    ...((mode & 0o001) === 0
      ? []
      : [`every user of the host may enter the state root ${root}; take that right away (chmod o-x)`]),
    ...(missing.length === 0
      ? []
      : [`the state root ${root} is mounted without ${missing.join(' and ')}; mount it with nosuid,nodev`]),
  ];
}

/** The mount that holds a path: of those above it the deepest, and of several at one place the last. */
function findMount(mountinfo: string, path: string): Mount | undefined {
  let found: Mount | undefined;
  for (const line of mountinfo.split('\n')) {
    const [, , , , place, options] = line.split(' ');
    if (place === undefined || options === undefined) continue;
    const at = place.replace(/\\(\d{3})/g, (_, octal: string) =>
      String.fromCharCode(Number.parseInt(octal, 8)),
    );
    const holds = path === at || path.startsWith(at === '/' ? '/' : `${at}/`);
    if (holds && at.length >= (found?.path.length ?? 0)) found = { path: at, options: options.split(',') };
  }
  return found;
}

/** Only Linux has the list. Without it nothing is known of mounts, and nothing is said of them. */
async function readMountinfo(): Promise<string> {
  try {
    return await readFile('/proc/self/mountinfo', 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}
