import type { AttemptDocker } from './docker/docker.ts';
import { RuntimeError } from './errors.ts';

/**
 * Whether the absence of a container on a Docker daemon means anything (failure-modes.md, row 11): `another` is not the
 * one that the records tell of, or has not been for long; `unknown` is any daemon before the first reconcile pass.
 */
export type DaemonTrust = 'trusted' | 'unknown' | 'another';

export type TrustDaemon = (daemonId: string) => Promise<DaemonTrust>;

export interface TrustTools {
  readonly docker: Pick<AttemptDocker, 'daemon'>;
  readonly trustDaemon: TrustDaemon;
}

/**
 * To be asked before anything is concluded from a container that is not there.
 *
 * @throws RuntimeError `docker_unavailable` on another daemon: the operation waits for the right one, or for this one to
 * have been there long enough for somebody to notice
 */
export async function assertAbsenceCounts({ docker, trustDaemon }: TrustTools): Promise<void> {
  const { id } = await docker.daemon();
  if ((await trustDaemon(id)) !== 'another') return;
  throw new RuntimeError(
    'docker_unavailable',
    'Docker is another daemon than the records tell of: that the container is not there says nothing yet',
    { details: { daemon_id: id } },
  );
}
