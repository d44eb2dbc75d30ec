import { findOnPath } from '../machine/find-on-path.mjs';
import { findRedisServer } from '../machine/services.mjs';
import { fetchPostgres } from '../services/postgres-package.ts';
import { SetUpError } from '../steps.ts';
import { makeNodeRootfs, NODE_CHANGES, NODE_RECIPE } from './node-image.ts';
import { makePostgresRootfs, POSTGRES_CHANGES, POSTGRES_RECIPE } from './postgres-image.ts';
import { makeRedisRootfs, REDIS_CHANGES, REDIS_RECIPE } from './redis-image.ts';
import type { Rootfs } from './rootfs.ts';

/** An image that others are built from or that tests run: the ordinary one, and how to do without a registry. */
export interface BaseImage {
  /** The environment variable that names another image. */
  readonly variable: 'BASE_IMAGE' | 'REDIS_IMAGE' | 'PG_IMAGE';
  readonly ordinary: string;
  /** A tag of its own, never an official name: nobody may take the stand-in for the real one. */
  readonly local: string;
  readonly recipe: string;
  readonly changes: readonly string[];
  makeRootfs(): Promise<Rootfs>;
}

/** Node, for the game engine. */
export const NODE_BASE: BaseImage = {
  variable: 'BASE_IMAGE',
  ordinary: 'node:24-slim',
  local: 'rtm-node:24',
  recipe: `${NODE_RECIPE} ${process.version}`,
  changes: NODE_CHANGES,
  makeRootfs: makeNodeRootfs,
};

/** Redis, for testcontainers. */
export const REDIS_BASE: BaseImage = {
  variable: 'REDIS_IMAGE',
  ordinary: 'redis:7-alpine',
  local: 'redis:7-local',
  recipe: REDIS_RECIPE,
  changes: REDIS_CHANGES,
  async makeRootfs() {
    const server = findRedisServer();
    if (!server) throw new SetUpError('no redis-server to make an image from');
    return makeRedisRootfs(server, findOnPath('redis-cli'));
  },
};

/** PostgreSQL, for testcontainers. */
export const POSTGRES_BASE: BaseImage = {
  variable: 'PG_IMAGE',
  ordinary: 'postgres:18-alpine',
  local: 'postgres:18-local',
  recipe: POSTGRES_RECIPE,
  changes: POSTGRES_CHANGES,
  async makeRootfs() {
    return makePostgresRootfs((await fetchPostgres()).tree);
  },
};
