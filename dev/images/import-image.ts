import { spawn } from 'node:child_process';
import type Docker from 'dockerode';
import { readProgress } from './progress.ts';
import type { Rootfs } from './rootfs.ts';

/** Turns a root directory into a local image, as `tar | docker import` does, with no registry involved. */
export async function importImage(
  docker: Docker,
  rootfs: Rootfs,
  tag: string,
  changes: readonly string[],
): Promise<void> {
  const [repo, version] = tag.split(':');
  // Everything belongs to root inside the image, whoever runs this: no image needs another owner.
  const args = ['-C', rootfs.dir, '--numeric-owner', '--owner=0', '--group=0', '-cf', '-', '.'];
  const tar = spawn('tar', args, { stdio: ['ignore', 'pipe', 'ignore'] });
  const ended = new Promise<number | null>((resolve, reject) => {
    tar.once('error', reject);
    tar.once('close', resolve);
  });
  const answer = await docker.importImage(tar.stdout, { repo, tag: version, changes: [...changes] });
  await readProgress(answer);
  const code = await ended;
  if (code !== 0) throw new Error(`tar ended with ${code} while packing ${tag}`);
}
