import { existsSync } from 'node:fs';
import path from 'node:path';
import { fetchPackage } from './fetch-package.mjs';
import { NODE } from './pinned-packages.mjs';
import { capture, timed } from './process.mjs';

const LEAST_MAJOR = 24;

/** The path of a Node that runs TypeScript as it is, found as `lookForNode` does, else fetched now. */
export async function findNode(cacheDir, say) {
  const found = await lookForNode(cacheDir);
  if (found) return found;
  if (!pinned()) {
    throw new Error(
      `This project runs on Node ${LEAST_MAJOR} or newer; this is ${process.version}. It is fetched for Linux on ` +
        `${Object.keys(NODE.packages).join(' and ')} only: install Node ${LEAST_MAJOR} and put it on PATH.`,
    );
  }
  const { name, integrity } = pinned();
  const spec = `${name}@${NODE.version}`;
  await timed(`Node ${NODE.version}`, 'fetched', say, () =>
    fetchPackage({ spec, integrity, home: homeIn(cacheDir) }),
  );
  return programIn(cacheDir);
}

/** The path of a Node that is there already: this one, the one on PATH, or one fetched earlier. Installs nothing. */
export async function lookForNode(cacheDir) {
  if (majorOf(process.version) >= LEAST_MAJOR) return process.execPath;
  const onPath = await capture('node', ['-p', 'process.version + " " + process.execPath']);
  const [version = '', program = ''] = onPath.trim().split(' ');
  if (majorOf(version) >= LEAST_MAJOR) return program;
  return pinned() && existsSync(programIn(cacheDir)) ? programIn(cacheDir) : undefined;
}

/** What to do about a missing Node, for a message. */
export const describeMissingNode = () =>
  `  - Node ${LEAST_MAJOR} or newer: this is ${process.version}\n    install it and put it on PATH`;

const pinned = () => (process.platform === 'linux' ? NODE.packages[process.arch] : undefined);

// Earlier versions fetched into `.cache/node-…` and compared nothing; that directory is never used again.
const homeIn = (cacheDir) => path.join(cacheDir, 'verified', `node-${NODE.version}`);
const programIn = (cacheDir) => path.join(homeIn(cacheDir), 'node_modules', pinned().name, 'bin/node');

function majorOf(version) {
  return Number(/^v(\d+)\./.exec(version)?.[1] ?? 0);
}
