import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** A directory that stands in for RTMANAGER_GAME_STATE_ROOT. */
export interface StateRoot {
  readonly path: string;
  remove(): Promise<void>;
}

/** Makes an empty state root; its path is real (no symbolic links), as RTM compares real paths. */
export async function makeStateRoot(): Promise<StateRoot> {
  const root = await realpath(await mkdtemp(path.join(tmpdir(), 'rtm-state-')));
  return { path: root, remove: () => rm(root, { recursive: true, force: true }) };
}
