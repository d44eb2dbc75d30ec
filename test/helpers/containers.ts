import type { ContainerCreateOptions, ContainerInspectInfo } from 'dockerode';
import { statusCode } from '../../dev/docker-client.ts';
import { GAME_LABEL, IMAGE_LABEL, OWNER, OWNER_LABEL } from '../../lib/docker/labels.ts';
import { docker, GAME_IMAGE } from './docker.ts';

/** The container with that id or name, or undefined when it is gone. */
export async function inspect(idOrName: string): Promise<ContainerInspectInfo | undefined> {
  try {
    return await docker.getContainer(idOrName).inspect();
  } catch (error) {
    if (statusCode(error) === 404) return undefined;
    throw error;
  }
}

/** Every container that carries the game's label, running or not, on any network. */
export async function containersOf(gameId: string): Promise<ContainerInspectInfo[]> {
  const listed = await docker.listContainers({
    all: true,
    filters: { label: [`${GAME_LABEL}=${gameId}`] },
  });
  const inspected = await Promise.all(listed.map(({ Id }) => inspect(Id)));
  return inspected.filter((info) => info !== undefined);
}

/** A container as somebody else, or an earlier life of Runtime Manager, would have left it. */
export interface Leftover {
  readonly name: string;
  readonly network: string;
  readonly image?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly running?: boolean;
}

/** Makes a leftover and returns its id. */
export async function leaveContainer({ running = true, ...left }: Leftover): Promise<string> {
  const options: ContainerCreateOptions = {
    name: left.name,
    Image: left.image ?? GAME_IMAGE,
    Labels: { ...left.labels },
    HostConfig: { NetworkMode: left.network, Init: true },
  };
  const container = await docker.createContainer(options);
  if (running) await container.start();
  return container.id;
}

/** The labels by which Runtime Manager knows a container as its own. */
export const ownLabels = (gameId: string, imageRef: string = GAME_IMAGE) => ({
  [OWNER_LABEL]: OWNER,
  [GAME_LABEL]: gameId,
  [IMAGE_LABEL]: imageRef,
});
