import * as networks from '../../dev/networks.ts';
import { shortId } from '../../dev/session.ts';
import { docker } from './docker.ts';

/** A Docker network of a suite's own. */
export interface TestNetwork {
  readonly name: string;
  readonly id: string;
  /** Removes the containers on it, then the network itself. */
  remove(): Promise<void>;
}

/** Creates a network with a name that no other run uses. */
export async function makeNetwork(): Promise<TestNetwork> {
  const name = `rtm-test-${shortId()}`;
  const id = await networks.createNetwork(docker, name);
  return { name, id, remove: async () => void (await networks.removeNetwork(docker, name)) };
}

/** Removes every container on a network (by name or id), as an `afterEach` wants it. */
export async function removeContainersOf(network: string): Promise<void> {
  await networks.removeContainersOf(docker, network);
}
