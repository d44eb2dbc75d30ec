import type { InspectedContainer } from '../lib/docker/container.ts';
import type { ContainerEvent } from '../lib/docker/container-events.ts';
import { oomKey, wasRestarted } from '../lib/drift.ts';
import { isGameId } from '../lib/game-id.ts';
import type { ReconcileOpKind } from '../lib/reconcile-plan.ts';
import type { RuntimeRecord } from '../lib/runtime-record.ts';
import { acceptIdleGames, findBusy } from '../sql/accept-idle.ts';
import { getRecord } from '../sql/runtime-records.ts';
import { tellHealth } from '../sql/tell-health.ts';
import type { CareContext } from './types.ts';

/**
 * Takes what Docker tells of a container for a hint to look at it, and queues what is to be repaired (spec, section 5):
 * order and completeness of events are not to be relied on. What RTM does itself is over by the time its turn ends: the
 * record then says so, and nothing is left to do.
 *
 * @returns `busy` while an operation has the game's turn: to be asked again in a second, for that one may be about to
 * record the very container
 */
export async function noteContainerEvent(
  event: ContainerEvent,
  context: CareContext,
): Promise<'done' | 'busy'> {
  const { db, docker, signal, wake, now } = context;
  const { gameId, containerId, action } = event;
  // No record can tell of it.
  if (!isGameId(gameId)) return 'done';
  if (action === 'oom' && (await tellOom(event, context))) return 'done';
  if ((await findBusy(db, [gameId])).size > 0) return 'busy';
  const record = await getRecord(db, gameId);
  if (record?.currentContainerId !== containerId) return 'done';
  const container = await docker.inspect(containerId, signal);
  const opKind = opKindFor(record, container);
  if (!opKind) return 'done';
  const request = {
    seen: record,
    gameId,
    opKind,
    opSource: 'auto_reconcile',
    sourceRef: null,
    imageRef: null,
    // Docker forgets the exit code of a container that runs again.
    reason: container?.running ? `docker_event:${event.exitCode ?? 0}` : 'docker_event',
    requestedAt: now(),
  } as const;
  const accepted = await acceptIdleGames(db, [request], wake);
  return accepted === 0 ? 'busy' : 'done';
}

/** Told at once, also during an operation: the kernel has killed something in a container that is on record. */
async function tellOom(
  { gameId, containerId }: ContainerEvent,
  { db, now, publish }: CareContext,
): Promise<boolean> {
  const told = await tellHealth(db, gameId, {
    type: 'container_oom',
    source: 'docker_event',
    containerId,
    occurredAtMs: now(),
    // The container may well run on; how it ends, if it does, is told by its end.
    details: {},
    dedupeKey: oomKey(containerId),
  });
  if (told) await publish([gameId]);
  return told;
}

/** By what Docker shows now; undefined where nothing is to be repaired. */
function opKindFor(record: RuntimeRecord, container: InspectedContainer | null): ReconcileOpKind | undefined {
  const { status } = record;
  if (status === 'removed') return undefined;
  if (!container) return 'reconcile_dispose';
  if (wasRestarted(record, container)) return 'reconcile_exit';
  // One that is being removed dies on the way, and is gone with the next event.
  if (status === 'stopped' || container.running || container.state === 'removing') return undefined;
  return 'reconcile_exit';
}
