import type { Rootfs } from './rootfs.ts';
import { makeRootfs } from './rootfs.ts';

/** What the node image is made from; a change of it makes the image anew. */
export const NODE_RECIPE = '1';

/** Settings of the node image, as `docker import -c` takes them. */
export const NODE_CHANGES = ['ENV PATH=/usr/local/bin:/usr/bin:/bin', 'CMD ["node"]'];

/** A root directory that stands in for `node:24-slim`: this very Node, a shell, the user `node`; no npm. */
export async function makeNodeRootfs(): Promise<Rootfs> {
  const rootfs = await makeRootfs({ node: 1000 });
  await rootfs.addProgram(process.execPath, '/usr/local/bin/node');
  return rootfs;
}
