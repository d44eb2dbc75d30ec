import { listContainersOf, removeNetwork } from '../../dev/networks.ts';
import { SESSION, SESSION_LABEL } from '../../dev/session.ts';
import { docker } from './docker.ts';

/**
 * Throws when a suite left a network, or game containers on one, behind; removes them first, so that one
 * forgetful suite does not spoil the next run.
 */
export async function assertNothingLeaked(): Promise<void> {
  const networks = await docker.listNetworks({ filters: { label: [`${SESSION_LABEL}=${SESSION}`] } });
  const leaks: string[] = [];
  for (const { Name } of networks) {
    const containers = await listContainersOf(docker, Name);
    const leak = `${Name} (containers: ${containers.flatMap((item) => item.Names).join(', ') || 'none'})`;
    // What Docker keeps for itself was given back by its suite.
    if ((await removeNetwork(docker, Name)) || containers.length > 0) leaks.push(leak);
  }
  if (leaks.length > 0) throw new Error(`networks left behind by a suite, now removed: ${leaks.join('; ')}`);
}
