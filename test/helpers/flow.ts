import { ignoreGone } from '../../dev/docker-client.ts';
import { listContainersOf } from '../../dev/networks.ts';
import { shortId } from '../../dev/session.ts';
import { makeSemaphore } from '../../lib/semaphore.ts';
import { docker } from './docker.ts';
import { type Lobby, makeLobby } from './lobby.ts';
import { makeRows, type Rows } from './rows.ts';
import { makeWorld, type TestWorld } from './rtm-env.ts';

/** A world, somebody who plays Lobby in it, and a look at its rows. */
export interface Flow {
  readonly world: TestWorld;
  readonly lobby: Lobby;
  readonly rows: Rows;
  destroy(): Promise<void>;
}

export async function makeFlow(): Promise<Flow> {
  await using stack = new AsyncDisposableStack();
  const world = stack.adopt(await makeWorld(), (one) => one.destroy());
  stack.defer(() => removeContainers(world.network.name));
  const rows = stack.adopt(await makeRows(world.database), (one) => one.close());
  const opened = stack.move();
  return { world, rows, lobby: makeLobby(world.redis), destroy: () => opened.disposeAsync() };
}

/** A game of this run's own: container names are one space, whoever else tests on this Docker. */
export const newGame = (what = 'game'): string => `${what}-${shortId()}`;

/** Docker is twice as fast with several at once; with many it loses count of the network's endpoints. */
const PARALLEL_REMOVALS = 4;

/** The world removes them one by one; a suite leaves dozens. */
async function removeContainers(network: string): Promise<void> {
  const containers = await listContainersOf(docker, network);
  const removals = makeSemaphore(PARALLEL_REMOVALS);
  await Promise.all(
    containers.map(({ Id }) =>
      removals.run(() => ignoreGone(docker.getContainer(Id).remove({ force: true, v: true }))),
    ),
  );
}
