import type { DaemonTrust } from '../daemon-trust.ts';
import { type InspectedContainer, operationOf } from '../docker/container.ts';
import { OWNER, OWNER_LABEL } from '../docker/labels.ts';
import { OP_KIND_OF, planReconcile, type RecordedGame } from '../reconcile-plan.ts';
import { ANOTHER_DAEMON, HELD_BY_BRAKE, leaveAlone, skipBusy } from '../survey-drift.ts';
import type { Facts, ReconcileHold } from './facts.ts';

interface GameView {
  readonly gameId: string;
  readonly record: RecordedGame | null;
  /** Those of the game, each just inspected. */
  readonly containers: readonly InspectedContainer[];
  readonly network: string;
  /** Whether an unfinished operation has the game's turn. */
  readonly busy: boolean;
  readonly hold: ReconcileHold | null;
  /** Those of the operations that are over for good, by game. */
  findEnded(operationIds: readonly string[]): Promise<ReadonlyMap<string, readonly string[]>>;
  /** What the absence of a container means on the Docker that answers. */
  trustDaemon(): Promise<DaemonTrust>;
}

/**
 * What a reconcile pass would do about one game, and what keeps it from that; no step when record and containers are in
 * step.
 */
export async function driftOfGame(view: GameView): Promise<Pick<Facts, 'step' | 'held'>> {
  const { gameId, record, network, hold } = view;
  const containers = view.containers.filter(
    (one) => one.labels[OWNER_LABEL] === OWNER || one.id === record?.currentContainerId,
  );
  const unrecorded = containers.filter((one) => one.id !== record?.currentContainerId);
  const ended =
    unrecorded.length > 0 ? await view.findEnded(unrecorded.map(operationOf)) : new Map<string, string[]>();
  const steps = planReconcile({ records: record ? [record] : [], containers, network, ended });
  // What changes the record comes first, then what removes something.
  const [step] = steps.toSorted((left, right) => rank(left.action) - rank(right.action));
  if (!step) return { step: null, held: null };
  if (view.busy) return { step: skipBusy(step, new Set([gameId])), held: null };
  const isFinal = step.action === 'dispose' || step.action === 'remove_container';
  if (isFinal && (await view.trustDaemon()) === 'another') {
    return { step: leaveAlone(step, ANOTHER_DAEMON), held: 'daemon' };
  }
  if (step.action === 'dispose' && hold && !hold.daemonChanged) {
    return { step: leaveAlone(step, HELD_BY_BRAKE), held: 'brake' };
  }
  return { step, held: null };
}

const rank = (action: keyof typeof OP_KIND_OF): number =>
  OP_KIND_OF[action] === null ? 2 : action === 'remove_container' ? 1 : 0;
