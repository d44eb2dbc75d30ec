import type Docker from 'dockerode';
import { ignoreGone, statusCode } from './docker-client.ts';
import { isDeadSession, SESSION, SESSION_LABEL } from './session.ts';

/** Creates a bridge network that is marked as this run's. */
export async function createNetwork(docker: Docker, name: string): Promise<string> {
  const network = await docker.createNetwork({
    Name: name,
    CheckDuplicate: true,
    Driver: 'bridge',
    Labels: { [SESSION_LABEL]: SESSION },
  });
  return network.id;
}

/** Every container on a network of that name, running or not. By its id, Docker finds none that was never started. */
export async function listContainersOf(docker: Docker, network: string): Promise<Docker.ContainerInfo[]> {
  return docker.listContainers({ all: true, filters: { network: [network] } });
}

/** Removes every container on a network, by force and with its anonymous volumes. */
export async function removeContainersOf(docker: Docker, network: string): Promise<void> {
  for (const { Id } of await listContainersOf(docker, network)) {
    await ignoreGone(docker.getContainer(Id).remove({ force: true, v: true }));
  }
}

/**
 * Removes a network and the containers on it. False where Docker keeps it: it sometimes miscounts the endpoints of a
 * network whose containers are all gone, and lets go of it with its own restart only.
 */
export async function removeNetwork(docker: Docker, network: string): Promise<boolean> {
  await removeContainersOf(docker, network);
  try {
    await ignoreGone(docker.getNetwork(network).remove());
    return true;
  } catch (error) {
    if (statusCode(error) !== 403 || (await listContainersOf(docker, network)).length > 0) throw error;
    console.warn(`Docker keeps ${network}, which has no containers, until it is restarted`);
    return false;
  }
}

/** Removes what runs of ours left behind that were killed before they could clean up; tells how much it was. */
export async function sweepDeadSessions(docker: Docker): Promise<number> {
  const filters = { label: [SESSION_LABEL] };
  const isDead = (labels: Record<string, string> | undefined): boolean =>
    isDeadSession(labels?.[SESSION_LABEL] ?? '');

  const containers = (await docker.listContainers({ all: true, filters })).filter((item) =>
    isDead(item.Labels),
  );
  const networks = (await docker.listNetworks({ filters })).filter((item) => isDead(item.Labels));
  for (const { Id } of containers) {
    await ignoreGone(docker.getContainer(Id).remove({ force: true, v: true }));
  }
  let removed = containers.length;
  for (const { Name } of networks) if (await removeNetwork(docker, Name)) removed += 1;
  return removed;
}
