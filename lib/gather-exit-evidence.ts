import type { InspectedContainer } from './docker/container.ts';
import type { AttemptDocker } from './docker/docker.ts';
import type { ExitEvidence } from './exit-evidence.ts';
import { isSurrender } from './lease.ts';
import type { Logger } from './logger.ts';

export interface EvidenceTools {
  readonly docker: Pick<AttemptDocker, 'inspect' | 'readLogTail'>;
  readonly log: Logger;
}

/** Nobody's stop waits longer for it. */
const EVIDENCE_MS = 2_000;

/**
 * How a container ended, read while Docker still knows. Undefined for one that is gone or runs, and where Docker does not
 * say: that costs the operation its evidence and nothing else. Read again by another attempt, it is the same.
 *
 * @param container its id; or itself, when it has just been inspected
 * @throws only what ends the attempt
 */
export async function gatherExitEvidence(
  { docker, log }: EvidenceTools,
  container: string | InspectedContainer,
): Promise<ExitEvidence | undefined> {
  const inTime = AbortSignal.timeout(EVIDENCE_MS);
  const isNamed = typeof container === 'string';
  const containerId = isNamed ? container : container.id;
  const orNothing = async <T>(read: () => Promise<T>): Promise<T | null> => {
    try {
      return await read();
    } catch (error) {
      if (isSurrender(error)) throw error;
      log.warn('how the container ended could not be read', { container_id: containerId, error });
      return null;
    }
  };
  const ended = isNamed ? await orNothing(() => docker.inspect(containerId, inTime)) : container;
  if (!ended || ended.running) return undefined;
  return {
    exitCode: ended.exitCode,
    oomKilled: ended.oomKilled,
    finishedAt: ended.finishedAt,
    lastLogLines: await orNothing(() => docker.readLogTail(ended, inTime)),
  };
}
