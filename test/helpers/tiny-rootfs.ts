import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { makeRootfs } from '../../dev/images/rootfs.ts';

const run = promisify(execFile);
const LARGEST_BYTES = 64 * 2 ** 20;

let packed: Promise<Buffer> | undefined;

/** A root directory with a shell and little more, as a tar of a few MB; packed once a run. */
export function tinyRootfs(): Promise<Buffer> {
  packed ??= pack();
  return packed;
}

/** What a container of it runs until it is told to end. */
export const TINY_ENTRYPOINT = ['sh', '-c', 'sleep 100000'];

async function pack(): Promise<Buffer> {
  await using rootfs = await makeRootfs({});
  const args = ['-C', rootfs.dir, '--numeric-owner', '--owner=0', '--group=0', '-cf', '-', '.'];
  const { stdout } = await run('tar', args, { encoding: 'buffer', maxBuffer: LARGEST_BYTES });
  return stdout;
}
