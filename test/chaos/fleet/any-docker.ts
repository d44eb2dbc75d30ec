import { dockerHost } from '../../../dev/machine/docker.mjs';
import { removeContainersOf } from '../../../dev/networks.ts';
import { GAME_LABEL } from '../../../lib/docker/labels.ts';
import { docker, GAME_IMAGE, GAME_IMAGE_PATCHED } from '../../helpers/docker.ts';
import { makeNetwork } from '../../helpers/network.ts';
import { startDaemonBeside } from './daemon-beside.ts';
import { type DaemonView, IMAGES, NETWORK } from './paced-daemon.ts';

/** A daemon that games may run on, whichever it is. */
export interface AnyDocker extends AsyncDisposable {
  readonly host: string;
  readonly network: string;
  readonly images: readonly string[];
  look(): Promise<DaemonView>;
}

/** The Docker Engine of this machine, with a network of our own on it. */
export async function useRealDocker(): Promise<AnyDocker> {
  const network = await makeNetwork();
  return {
    host: dockerHost(),
    network: network.name,
    images: [GAME_IMAGE, GAME_IMAGE_PATCHED],
    look: async () => {
      const listed = await docker.listContainers({ all: true, filters: { network: [network.name] } });
      return {
        containers: listed.map(({ Id, Labels, State }) => ({
          id: Id,
          gameId: Labels[GAME_LABEL] ?? '',
          running: State === 'running',
        })),
        disturbed: [],
      };
    },
    async [Symbol.asyncDispose]() {
      await removeContainersOf(docker, network.name);
      await network.remove();
    },
  };
}

/** Entries in a table, that take about as long as containers do on a machine with nothing else to do. */
export async function useFakeDocker(): Promise<AnyDocker> {
  const daemon = await startDaemonBeside({ create: 60, start: 180, stop: 100, remove: 50 });
  return {
    host: daemon.host,
    network: NETWORK,
    images: IMAGES,
    look: daemon.look,
    [Symbol.asyncDispose]: () => daemon[Symbol.asyncDispose](),
  };
}
