import { GAME_LABEL } from '../../lib/docker/labels.ts';
import { inspect } from './containers.ts';
import type { DockerCall } from './docker-proxy.ts';

/** The game that a call is about: a create names it, every other call names its container. */
export async function gameOfCall({ path }: DockerCall): Promise<string> {
  const named = /[?&]name=galaxy-game-([^&]+)/.exec(path)?.[1];
  if (named) return named;
  const id = /^\/containers\/([^/?]+)/.exec(path)?.[1];
  return (id && (await inspect(id))?.Config.Labels[GAME_LABEL]) || '';
}
