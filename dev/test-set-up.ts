import type Docker from 'dockerode';
import type { BaseImage } from './images/base-images.ts';
import { NODE_BASE, POSTGRES_BASE, REDIS_BASE } from './images/base-images.ts';
import { setUp } from './set-up.ts';

/** What the suite and the benchmark need: Docker, and images of the services that are not given. */
export async function setUpForTests(): Promise<Docker> {
  const images: BaseImage[] = [NODE_BASE];
  if (!process.env.TEST_POSTGRES_DSN) images.push(POSTGRES_BASE);
  if (!process.env.TEST_REDIS_ADDR) images.push(REDIS_BASE);
  return setUp({ images, missing: [] });
}
