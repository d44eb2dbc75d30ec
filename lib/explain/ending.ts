import { daemonTimeMs } from '../daemon-time.ts';
import type { InspectedContainer } from '../docker/container.ts';
import type { Operation, OpKind } from '../operation.ts';
import { type Facts, recordedContainer } from './facts.ts';
import { isReplay } from './intent.ts';

/** How a container of the game ended. */
export interface Ending {
  readonly containerId: string;
  readonly exitCode: number;
  /** Docker saw the kernel kill it for want of memory. */
  readonly oomKilled: boolean;
  /** By the daemon's clock; null where it does not say. */
  readonly finishedAt: number | null;
  /** The operation that it is kept with; null when Docker shows it now. */
  readonly operationId: string | null;
}

/** Of the game's container as it is, or else of the last one that an operation ended or found ended. */
export function endingOf(facts: Facts): Ending | null {
  const container = recordedContainer(facts);
  if (container && hasEnded(container)) {
    return {
      containerId: container.id,
      exitCode: container.exitCode,
      oomKilled: container.oomKilled,
      finishedAt: daemonTimeMs(container.finishedAt),
      operationId: null,
    };
  }
  const kept = facts.operations.find((one) => one.exitEvidence !== null);
  if (!kept?.exitEvidence) return null;
  const { exitCode, oomKilled, finishedAt } = kept.exitEvidence;
  return {
    containerId: kept.containerId ?? '',
    exitCode,
    oomKilled,
    finishedAt: daemonTimeMs(finishedAt),
    operationId: kept.operationId,
  };
}

/** The last lines that the game's container wrote: as Docker has them now, or as they were kept when it ended. */
export function logTailOf({ docker, operations }: Facts): LogTail | null {
  if (docker.log) return { ...docker.log, operationId: null };
  const kept = operations.find((one) => one.exitEvidence?.lastLogLines);
  const lines = kept?.exitEvidence?.lastLogLines;
  return kept && lines ? { containerId: kept.containerId ?? '', lines, operationId: kept.operationId } : null;
}

export interface LogTail {
  readonly containerId: string;
  /** Oldest first. */
  readonly lines: readonly string[];
  /** The operation that they are kept with; null when Docker shows them now. */
  readonly operationId: string | null;
}

/** What has left the game as its record has it: the last operation of these kinds that did something. */
export const lastToDo = ({ operations }: Facts, ...kinds: readonly OpKind[]): Operation | undefined =>
  operations.find((one) => one.outcome === 'success' && !isReplay(one) && kinds.includes(one.opKind));

/** The operation that found the container of a removed game gone. */
export function removedOutside(facts: Facts): Operation | undefined {
  if (facts.record?.status !== 'removed') return undefined;
  const by = lastToDo(facts, 'cleanup_container', 'reconcile_dispose');
  return by?.opKind === 'reconcile_dispose' ? by : undefined;
}

/** Whether the engine ended without anybody's asking RTM: found so, or found by nobody yet. */
export function endedByItself(facts: Facts): boolean {
  const { record, queue } = facts;
  if (record?.status === 'running') {
    const container = recordedContainer(facts);
    // While an operation has the turn, the end may be its work.
    return queue.length === 0 && container !== undefined && hasEnded(container);
  }
  const by = lastToDo(facts, 'stop', 'reconcile_exit');
  if (by?.opKind !== 'reconcile_exit') return false;
  return record?.status === 'stopped' || by.containerId === removedOutside(facts)?.containerId;
}

const hasEnded = ({ running, state }: InspectedContainer): boolean => !running && state !== 'created';
