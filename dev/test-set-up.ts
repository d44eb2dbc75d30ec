import type Docker from 'dockerode';
import type { BaseImage } from './images/base-images.ts';
import { NODE_BASE, POSTGRES_BASE, REDIS_BASE } from './images/base-images.ts';
import { missingChromium } from './machine/chromium.mjs';
import { missingPgbouncer } from './machine/pgbouncer.mjs';
import { missingPostgres, missingRedis } from './machine/services.mjs';
import { setUp } from './set-up.ts';

/**
 * What the suite and the benchmarks need: Docker, images of the services that are not given, programs of both stores, for
 * some of the specs kill them, a pooler, and a browser for the console.
 */
export async function setUpForTests(): Promise<Docker> {
  const images: BaseImage[] = [NODE_BASE];
  if (!process.env.TEST_POSTGRES_DSN) images.push(POSTGRES_BASE);
  if (!process.env.TEST_REDIS_ADDR) images.push(REDIS_BASE);
  const missing = [
    missingRedis('install a redis-server'),
    missingPostgres(),
    missingPgbouncer(),
    missingChromium(),
  ];
  return setUp({ images, missing: missing.filter((one) => one !== undefined) });
}
