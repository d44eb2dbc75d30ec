import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type Docker from 'dockerode';
import { ROOT_DIR } from '../paths.ts';
import { readProgress } from './progress.ts';
import { INPUTS_LABEL, inputsOf } from './provide-image.ts';

const CONTEXT = path.join(ROOT_DIR, 'test/game-engine');
const SOURCES = ['Dockerfile', 'server.mjs'];

/** The game engine of tests and demo. */
export const GAME_IMAGE = 'galaxy/game:1.0.0-rtm-it';

/** The same image under a second tag: a patch from the first to this one pulls nothing. */
export const GAME_IMAGE_PATCHED = 'galaxy/game:1.0.1-rtm-it';

/** Builds the game engine of tests and demo, unless the image there has its sources and its base. */
export async function provideGameImage(docker: Docker, base: string): Promise<'found' | 'built'> {
  const inputs = await hashOfInputs(docker, base);
  const found = [await inputsOf(docker, GAME_IMAGE), await inputsOf(docker, GAME_IMAGE_PATCHED)];
  if (found.every((label) => label === inputs)) return 'found';
  const progress = await docker.buildImage(
    { context: CONTEXT, src: SOURCES },
    {
      t: GAME_IMAGE,
      buildargs: { BASE_IMAGE: base },
      labels: { [INPUTS_LABEL]: inputs },
      forcerm: true,
    },
  );
  await readProgress(progress);
  const [repo = '', tag = ''] = GAME_IMAGE_PATCHED.split(':');
  await docker.getImage(GAME_IMAGE).tag({ repo, tag });
  return 'built';
}

async function hashOfInputs(docker: Docker, base: string): Promise<string> {
  const hash = createHash('sha256').update((await docker.getImage(base).inspect()).Id);
  for (const source of SOURCES) hash.update(await readFile(path.join(CONTEXT, source)));
  return hash.digest('hex').slice(0, 16);
}
