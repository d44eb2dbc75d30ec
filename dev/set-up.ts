import type Docker from 'dockerode';
import { makeDocker } from './docker-client.ts';
import { dockerVersion } from './docker-engine/daemon.ts';
import { startDocker } from './docker-engine/start-docker.ts';
import type { BaseImage } from './images/base-images.ts';
import { NODE_BASE, REDIS_BASE } from './images/base-images.ts';
import { GAME_IMAGE, provideGameImage } from './images/game-image.ts';
import { findOrPull, provideImage } from './images/provide-image.ts';
import { aptInstall } from './machine/apt.mjs';
import type { FoundDocker } from './machine/docker.mjs';
import { dockerHost, lookForDocker, missingDocker } from './machine/docker.mjs';
import { findOnPath } from './machine/find-on-path.mjs';
import type { Missing } from './machine/missing.mjs';
import { canInstallAll, describeMissing } from './machine/missing.mjs';
import { missingRedis } from './machine/services.mjs';
import { sweepDeadSessions } from './networks.ts';
import { SetUpError, step } from './steps.ts';

/** What a command needs besides Docker and the game engine's image. */
export interface Needs {
  /** Images that its containers are made of. */
  readonly images: readonly BaseImage[];
  /** What this machine lacks of everything else. */
  readonly missing: readonly Missing[];
}

/** Docker and the images, ready to use. Packages are installed when they bring everything missing, else nothing is. */
export async function setUp(needs: Needs): Promise<Docker> {
  const found = await lookForDocker();
  const lacks = [missingDocker(found), ...needs.missing, await missingForImages(found, needs.images)];
  const missing = lacks.filter((item) => item !== undefined);
  if (!canInstallAll(missing) && missing.length > 0) throw new SetUpError(describeMissing(missing));
  await installPackages([...new Set(missing.flatMap((item) => item.debianPackage ?? []))]);

  const docker = await ensureDocker(found);
  for (const base of needs.images) await ensureImage(docker, base);
  await ensureGameImage(docker);
  const swept = await sweepDeadSessions(docker);
  if (swept > 0) console.log(`✓ Leftovers of killed runs (${swept} removed)`);
  return docker;
}

/** A Redis program is needed for an image of it only where nobody else has that image. */
async function missingForImages(
  found: FoundDocker,
  images: readonly BaseImage[],
): Promise<Missing | undefined> {
  if (!images.includes(REDIS_BASE) || process.env.REDIS_IMAGE) return undefined;
  const missing = missingRedis('set TEST_REDIS_ADDR to a Redis, or REDIS_IMAGE to an image of one');
  if (!missing || found.state !== 'answers') return missing;
  return (await findOrPull(makeDocker(), REDIS_BASE)) ? undefined : missing;
}

async function installPackages(packages: readonly string[]): Promise<void> {
  if (packages.length === 0) return;
  await step(`Debian packages ${packages.join(', ')}`, async () => {
    await aptInstall(packages);
    return { value: undefined, how: 'installed' };
  });
}

async function ensureDocker(found: FoundDocker): Promise<Docker> {
  return step('Docker Engine', async () => {
    const docker = makeDocker();
    if (found.state === 'answers') {
      const version = await dockerVersion(docker).catch((error: Error) => {
        throw new SetUpError(`Docker Engine at ${dockerHost()}: ${error.message}`);
      });
      return { value: docker, name: `Docker Engine ${version}`, how: 'found' };
    }
    const dockerd = findOnPath('dockerd');
    if (!dockerd) throw new SetUpError('there is no dockerd, although its package is installed');
    return { value: docker, name: `Docker Engine ${await startDocker(docker, dockerd)}`, how: 'started' };
  });
}

async function ensureImage(docker: Docker, base: BaseImage): Promise<void> {
  await step(`Image ${base.ordinary}`, async () => {
    const { image, how } = await provideImage(docker, base);
    process.env[base.variable] = image; // from here on nobody has to look again, children included
    return { value: undefined, name: `Image ${image}`, how };
  });
}

async function ensureGameImage(docker: Docker): Promise<void> {
  await step(`Image ${GAME_IMAGE}`, async () => {
    const base = (await provideImage(docker, NODE_BASE)).image;
    return { value: undefined, how: await provideGameImage(docker, base) };
  });
}
