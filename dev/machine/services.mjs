import { spawnSync } from 'node:child_process';
import { findOnPath } from './find-on-path.mjs';
import { isDebian } from './missing.mjs';

/** A program that becomes a Redis server when it is started under the name `redis-server`. */
export function findRedisServer() {
  // Debian's redis-tools carries the same program as redis-check-rdb: it looks at the name it is called by.
  // That package is enough, then, and unlike redis-server it brings no system service on port 6379.
  return findOnPath('redis-server') ?? (isDebian() ? findOnPath('redis-check-rdb') : undefined);
}

/** What is missing for a private Redis, and for a local image of one. */
export function missingRedis(instead) {
  if (findRedisServer()) return undefined;
  return { what: 'Redis: no redis-server on PATH', instead, debianPackage: 'redis-tools' };
}

/**
 * PostgreSQL refuses to run as root. In a user namespace root is somebody else to it and yet owns the same
 * files, so that neither a system user nor a change of owner is needed.
 */
export const AS_NOBODY =
  process.getuid?.() === 0 ? ['unshare', '--user', '--map-user=65534', '--map-group=65534', '--'] : [];

/** What is missing for a private PostgreSQL; its programs come with npm, for Linux on two architectures. */
export function missingPostgres() {
  const instead = 'set RTMANAGER_POSTGRES_PRIMARY_DSN to a PostgreSQL whose user may create databases';
  if (process.platform !== 'linux' || !['x64', 'arm64'].includes(process.arch)) {
    return { what: `PostgreSQL: no programs for ${process.platform} on ${process.arch}`, instead };
  }
  const [program, ...args] = AS_NOBODY;
  if (!program || spawnSync(program, [...args, 'true']).status === 0) return undefined;
  return { what: 'PostgreSQL: refuses to run as root, and this kernel grants no user namespace', instead };
}

/** What is missing of the services that RTM needs, those not counted that the environment names. */
export function missingServices() {
  return [
    process.env.RTMANAGER_REDIS_MASTER_ADDR
      ? undefined
      : missingRedis('set RTMANAGER_REDIS_MASTER_ADDR (host:port) to a Redis with an empty logical database'),
    process.env.RTMANAGER_POSTGRES_PRIMARY_DSN ? undefined : missingPostgres(),
  ].filter(Boolean);
}
