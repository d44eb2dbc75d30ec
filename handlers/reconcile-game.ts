import { setTimeout as sleep } from 'node:timers/promises';
import { type Container, type InspectedContainer, imageRefOf, operationOf } from '../lib/docker/container.ts';
import { DockerStatusError, mapRefusal } from '../lib/docker/map-error.ts';
import { restarted, wasRestarted } from '../lib/drift.ts';
import { type InnerEntry, OperationFailure } from '../lib/effects.ts';
import { toRuntimeError } from '../lib/errors.ts';
import { type GameId, parseGameId } from '../lib/game-id.ts';
import { gatherExitEvidence } from '../lib/gather-exit-evidence.ts';
import { SNAPSHOT_SOURCES, type SnapshotSource } from '../lib/health.ts';
import type { Operation } from '../lib/operation.ts';
import {
  type DriftStep,
  OP_KIND_OF,
  planReconcile,
  type ReconcileOpKind,
  WORK_IS_OVER_MS,
} from '../lib/reconcile-plan.ts';
import { repairRecord } from '../lib/repair-record.ts';
import type { RuntimeRecord } from '../lib/runtime-record.ts';
import type { Handler, HandlerContext, Result } from './types.ts';

/**
 * Brings one game's record and containers back in step (spec, section 5). What was found when the operation was queued
 * is only a hint: it looks again, at its turn, and does what is called for now. Nothing any more is success too.
 */
export const reconcileGame: Handler = async (operation, context) => {
  const gameId = parseGameId(operation.gameId);
  const record = await context.records.get(gameId);
  const containers = await look(gameId, record, context);
  const steps = await planGame(gameId, record, containers, context);

  const again = containers.find((one) => record !== null && wasRestarted(record, one));
  if (record && again) return restartedResult(operation, record, again, context);

  const repair = steps.find((step) => !['remove_container', 'leave_alone'].includes(step.action));
  const finding = { source: sourceOf(operation.reason), nowMs: context.now() };
  const container = containers.find((one) => one.id === repair?.containerId) ?? null;
  const effects = repair
    ? repairRecord(repair.action, { gameId, record, container, config: context.config }, finding)
    : {};
  const exitEvidence =
    repair?.action === 'mark_exited' && container ? await gatherExitEvidence(context, container) : undefined;
  const now = effects.record?.next ?? record;

  const leftovers = containers.filter((one) =>
    steps.some((step) => step.action === 'remove_container' && step.containerId === one.id),
  );
  const { removed, refused } = await removeAll(leftovers, context);
  // The operation's own entry tells of the repair, or else of what it removed first; of the rest each has one inside.
  const [first] = removed;
  const told = repair ? null : first;
  const entry = (opKind: ReconcileOpKind, containerId: string | null, imageRef: string | null) =>
    innerEntry({ opKind, containerId, imageRef, startedAt: finding.nowMs });
  const kind = repair && OP_KIND_OF[repair.action];
  const repairInside =
    kind && kind !== operation.opKind
      ? { ...entry(kind, repair.containerId, now?.currentImageRef ?? null), exitEvidence }
      : undefined;
  const inner = [
    ...(repairInside ? [repairInside] : []),
    ...removed
      .filter((one) => one !== told)
      .map((one) => entry('reconcile_dispose', one.id, imageRefOf(one))),
  ];
  const all = { ...effects, inner, ...(repairInside ? {} : { exitEvidence }) };
  if (refused) throw new OperationFailure(toRuntimeError(refused), { effects: all, imageRef: '' });
  return {
    // What a later attempt finds done may be the work of the one before.
    replay: !repair && !first && operation.attempt === 1,
    containerId: repair?.containerId ?? first?.id ?? record?.currentContainerId ?? null,
    engineEndpoint: now?.engineEndpoint ?? null,
    effects: all,
    imageRef: (told ? imageRefOf(told) : now?.currentImageRef) ?? '',
  };
};

/** The container ended and runs again: the end is told, and the record has the new start. */
const restartedResult = (
  { reason }: Operation,
  record: RuntimeRecord,
  container: InspectedContainer,
  { now }: HandlerContext,
): Result => ({
  replay: false,
  containerId: container.id,
  engineEndpoint: record.engineEndpoint,
  effects: restarted(record, container, { source: sourceOf(reason), nowMs: now() }, exitCodeOf(reason)),
  imageRef: record.currentImageRef,
});

/** Who found it: the operation's reason, behind which an event has the exit code. */
const sourceOf = (reason: string | null): SnapshotSource =>
  SNAPSHOT_SOURCES.find((source) => source === reason?.split(':')[0]) ?? 'reconcile';

/** Docker forgets the exit code of a container that runs again. */
const exitCodeOf = (reason: string | null): number => Number(reason?.split(':')[1] ?? 0);

/** The game's containers that are ours, and the recorded one wherever it is, each inspected now. */
async function look(
  gameId: GameId,
  record: RuntimeRecord | null,
  { docker }: HandlerContext,
): Promise<InspectedContainer[]> {
  const listed = await docker.listGame(gameId);
  const ids = new Set(listed.map((container) => container.id));
  if (record?.currentContainerId) ids.add(record.currentContainerId);
  const inspected = await Promise.all([...ids].map((id) => settled(docker, id)));
  return inspected.filter((container) => container !== null);
}

/** How often, and how far apart, a container that is being removed is looked at again before it counts as there. */
const LOOKS = 50;
const LOOK_EVERY_MS = 100;

/** A container that is being removed is about to be gone: a forced removal is no exit. */
async function settled(docker: HandlerContext['docker'], id: string): Promise<InspectedContainer | null> {
  for (let looks = 1; ; looks += 1) {
    const container = await docker.inspect(id);
    if (container?.state !== 'removing' || looks === LOOKS) return container;
    await sleep(LOOK_EVERY_MS);
  }
}

const isFinal = ({ action }: DriftStep): boolean => action === 'dispose' || action === 'remove_container';

async function planGame(
  gameId: GameId,
  record: RuntimeRecord | null,
  containers: readonly Container[],
  { docker, findEnded, trustDaemon, log }: HandlerContext,
): Promise<DriftStep[]> {
  const ended = await findEnded(gameId, containers.map(operationOf), WORK_IS_OVER_MS);
  const steps = planReconcile({
    records: record ? [record] : [],
    containers,
    network: docker.network,
    ended: new Map([[gameId, [...ended]]]),
  });
  if (!steps.some(isFinal)) return steps;
  // Of another daemon than the records tell of, absence says nothing.
  if ((await trustDaemon((await docker.daemon()).id)) === 'trusted') return steps;
  log.warn(
    'Docker is not, or not for long, the daemon that the records tell of; nothing is given up or removed',
  );
  return steps.filter((step) => !isFinal(step));
}

/** Removes what ended operations left. What Docker keeps is told at the end: the others go all the same. */
async function removeAll(
  leftovers: readonly InspectedContainer[],
  { docker, log }: HandlerContext,
): Promise<{ removed: readonly InspectedContainer[]; refused: unknown }> {
  const removed: InspectedContainer[] = [];
  let refused: unknown;
  for (const left of leftovers) {
    log.warn('removing a container that an ended operation left', { container_id: left.id });
    try {
      await docker.remove(left.id);
      removed.push(left);
    } catch (error) {
      if (!(error instanceof DockerStatusError)) throw error;
      refused ??= mapRefusal(error, `remove container ${left.id}`);
    }
  }
  return { removed, refused };
}

const innerEntry = (
  about: Pick<InnerEntry, 'opKind' | 'containerId' | 'imageRef' | 'startedAt'>,
): InnerEntry => ({
  ...about,
  outcome: 'success',
  errorCode: null,
  errorMessage: null,
  reason: null,
});
