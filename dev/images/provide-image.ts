import { createHash } from 'node:crypto';
import type Docker from 'dockerode';
import { statusCode } from '../docker-client.ts';
import { SetUpError } from '../steps.ts';
import type { BaseImage } from './base-images.ts';
import { importImage } from './import-image.ts';
import { tryPull, whyNoRegistry } from './registry.ts';

/** The label that tells from what a local image was made, so that it is made anew when that changes. */
export const INPUTS_LABEL = 'com.galaxy.dev.inputs';

/** Which image to use, and how it came. */
export interface ProvidedImage {
  readonly image: string;
  readonly how: 'given' | 'found' | 'pulled' | 'made here';
}

/** An image that needs no work: the one the environment names, the ordinary one, or a local one that is current. */
export async function findImage(docker: Docker, base: BaseImage): Promise<ProvidedImage | undefined> {
  const given = process.env[base.variable];
  if (given)
    return (await inputsOf(docker, given)) === undefined ? undefined : { image: given, how: 'given' };
  if ((await inputsOf(docker, base.ordinary)) !== undefined) return { image: base.ordinary, how: 'found' };
  if ((await inputsOf(docker, base.local)) === hashOf(base)) return { image: base.local, how: 'found' };
  return undefined;
}

/** Finds an image, or pulls it when a registry answers. */
export async function findOrPull(docker: Docker, base: BaseImage): Promise<ProvidedImage | undefined> {
  const found = await findImage(docker, base);
  if (found) return found;
  const image = process.env[base.variable] ?? base.ordinary;
  return (await tryPull(docker, image)) ? { image, how: 'pulled' } : undefined;
}

/** Finds, pulls or makes an image. One that the environment names is never replaced by another. */
export async function provideImage(docker: Docker, base: BaseImage): Promise<ProvidedImage> {
  const ready = await findOrPull(docker, base);
  if (ready) return ready;
  const given = process.env[base.variable];
  if (given)
    throw new SetUpError(
      `${base.variable}=${given}: not on this machine, nor given by a registry: ${await whyNoRegistry()}`,
    );
  await using rootfs = await base.makeRootfs();
  await importImage(docker, rootfs, base.local, [...base.changes, `LABEL ${INPUTS_LABEL}=${hashOf(base)}`]);
  return { image: base.local, how: 'made here' };
}

/** The label of an image, empty when it has none; nothing when there is no such image. */
export async function inputsOf(docker: Docker, image: string): Promise<string | undefined> {
  try {
    return (await docker.getImage(image).inspect()).Config.Labels?.[INPUTS_LABEL] ?? '';
  } catch (error) {
    if (statusCode(error) === 404) return undefined;
    throw error;
  }
}

function hashOf(base: BaseImage): string {
  return createHash('sha256')
    .update(`${base.recipe}\n${base.changes.join('\n')}`)
    .digest('hex')
    .slice(0, 16);
}
