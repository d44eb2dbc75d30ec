import { assertAbsenceCounts, type TrustTools } from './daemon-trust.ts';
import type { InspectedContainer } from './docker/container.ts';
import type { AttemptDocker } from './docker/docker.ts';
import { mapRefusal } from './docker/map-error.ts';
import { disappearanceEffects, exitEffects } from './drift.ts';
import type { Effects } from './effects.ts';
import { type EvidenceTools, gatherExitEvidence } from './gather-exit-evidence.ts';
import { isSurrender } from './lease.ts';
import { type RuntimeRecord, recordRemoval, recordStop } from './runtime-record.ts';

interface StopTools extends EvidenceTools, TrustTools {
  readonly docker: Pick<AttemptDocker, 'stop' | 'inspect' | 'readLogTail' | 'daemon'>;
  readonly config: { readonly container: { readonly stopTimeoutMs: number } };
  readonly now: () => number;
}

interface StoppedGame {
  /** True when the record said already that the game does not run; Docker was not asked then. */
  readonly replay: boolean;
  readonly effects: Effects;
}

/**
 * Stops what the record says is running: SIGTERM, the grace period, SIGKILL (spec, section 4). A container that ended
 * or vanished before RTM could stop it is success too, and its death is told.
 *
 * @param attempt the operation's: from the second on, a container that does not run is the work of the one before
 * @param evenIfStopped whether to stop what the record says is stopped already
 * @throws RuntimeError `internal_error` when Docker can not stop it, `docker_unavailable` when it does not answer
 */
export async function stopGame(
  tools: StopTools,
  record: RuntimeRecord,
  attempt: number,
  evenIfStopped = false,
): Promise<StoppedGame> {
  const { docker, config, now, log } = tools;
  const id = record.currentContainerId;
  const isToStop = record.status === 'running' || (evenIfStopped && record.status === 'stopped');
  if (!isToStop || id === null) return { replay: true, effects: {} };
  const outcome = await docker.stop(id, config.container.stopTimeoutMs / 1_000).catch((error: unknown) => {
    throw mapRefusal(error, `stop container ${id}`);
  });
  if (outcome === 'gone') {
    await assertAbsenceCounts(tools);
    log.warn('the container vanished before it could be stopped', { container_id: id });
    return { replay: false, effects: disappearanceEffects(record, { source: 'reconcile', nowMs: now() }) };
  }
  const ended = outcome === 'was not running' && attempt === 1 ? await docker.inspect(id) : null;
  if (!ended) {
    const after = await inspectStopped(tools, id);
    const exitEvidence = await gatherExitEvidence(tools, after ?? id);
    // One that Docker removes by itself is gone by RTM's own stop, and no incident.
    const isGoing = after === null || after?.autoRemove;
    const change = isGoing ? recordRemoval(record, now()) : recordStop(record, now());
    return { replay: false, effects: { record: change, exitEvidence } };
  }
  const exitEvidence = await gatherExitEvidence(tools, ended);
  log.warn('the container had ended before it was stopped', { container_id: id });
  const finding = { source: 'reconcile', nowMs: now() } as const;
  return { replay: false, effects: exitEffects(record, ended, finding, exitEvidence) };
}

/** The container behind its stop: null when it is gone, undefined where Docker does not say. */
async function inspectStopped(
  { docker, log }: StopTools,
  id: string,
): Promise<InspectedContainer | null | undefined> {
  try {
    return await docker.inspect(id);
  } catch (error) {
    if (isSurrender(error)) throw error;
    log.warn('the stopped container could not be inspected', { container_id: id, error });
    return undefined;
  }
}
