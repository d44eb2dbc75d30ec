import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { aptGet } from './apt.mjs';
import { findOnPath } from './find-on-path.mjs';

const run = promisify(execFile);
const HOME = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../.cache/nginx');
const UNPACKED = path.join(HOME, 'usr/sbin/nginx');

/** The nginx that docs/examples/docker-proxy.nginx.conf is tested with: TEST_NGINX, the one on PATH, or the unpacked one. */
export function findNginx() {
  const found = process.env.TEST_NGINX || findOnPath('nginx');
  return found || (existsSync(UNPACKED) ? UNPACKED : undefined);
}

/** What is missing for the tests of the proxy. */
export function missingNginx() {
  if (findNginx()) return undefined;
  const instead = 'set TEST_NGINX to the program of an nginx 1.22 or newer';
  // Only OpenSSL's library is installed. The package of nginx is unpacked: installed, it would listen on port 80.
  return { what: 'nginx: not on PATH', instead, debianPackage: 'libssl3', afterwards: unpackNginx };
}

/** Unpacks the Debian package, whose hash apt compares with the signed list, below `.cache/`. */
async function unpackNginx() {
  const partial = `${HOME}.${process.pid}`;
  mkdirSync(partial, { recursive: true });
  try {
    await aptGet(['download', 'nginx'], { cwd: partial });
    const file = readdirSync(partial).find((name) => name.endsWith('.deb')) ?? '';
    await run('dpkg-deb', ['--extract', path.join(partial, file), partial]);
    rmSync(path.join(partial, file));
    if (!existsSync(HOME)) renameSync(partial, HOME);
  } finally {
    rmSync(partial, { recursive: true, force: true });
  }
}
