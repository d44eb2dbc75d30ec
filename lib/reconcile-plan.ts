import { type Container, isOurs, operationOf } from './docker/container.ts';
import { CALL_DEADLINE_MS } from './docker/deadlines.ts';
import { GAME_LABEL } from './docker/labels.ts';
import { type GameId, isGameId } from './game-id.ts';
import { containerName } from './game-names.ts';
import type { OpKind } from './operation.ts';
import type { RuntimeRecord, RuntimeStatus } from './runtime-record.ts';

/** The part of a record that drift is seen by. */
export type RecordedGame = Pick<RuntimeRecord, 'gameId' | 'status' | 'currentContainerId'>;

/** Records and containers as they were found. */
export interface DriftView {
  /** Of the games that run or are stopped, and of those that containers name. */
  readonly records: readonly RecordedGame[];
  /** Those with our owner label, on whatever network. */
  readonly containers: readonly Container[];
  readonly network: string;
  /** Operations that are over for good, by their game: whatever they left is no work in progress. */
  readonly ended: ReadonlyMap<string, readonly string[]>;
}

/**
 * An operation that ended so long ago has no call under way any more, whatever became of the process that ran it: Docker
 * answers or is given up within the longest deadline of a call that creates.
 */
export const WORK_IS_OVER_MS = 2 * CALL_DEADLINE_MS.act;

export type ReconcileOpKind = Extract<OpKind, `reconcile_${string}`>;

/** What is to be done about one container, or one record without one (spec, section 5). */
export interface DriftStep {
  /** By the record, or by the container's label. */
  readonly gameId: string;
  /** Null when it is gone and nobody remembers its id. */
  readonly containerId: string | null;
  readonly recordStatus: RuntimeStatus | null;
  readonly containerState: 'running' | 'not_running' | 'gone';
  readonly action: 'adopt' | 'mark_exited' | 'dispose' | 'remove_container' | 'leave_alone';
  readonly reason: string;
}

/** The operation that carries out each action; nothing does for one that is left alone. */
export const OP_KIND_OF: Readonly<Record<DriftStep['action'], ReconcileOpKind | null>> = {
  adopt: 'reconcile_adopt',
  mark_exited: 'reconcile_exit',
  dispose: 'reconcile_dispose',
  remove_container: 'reconcile_dispose',
  leave_alone: null,
};

/** Compares records and containers. What is in step appears in no step; without drift there are none. */
export function planReconcile(view: DriftView): DriftStep[] {
  const byId = new Map(view.containers.map((container) => [container.id, container]));
  const records = new Map(view.records.map((record) => [record.gameId, record]));
  const ours = view.containers.filter((container) =>
    isOurs(container, { gameId: gameOf(container), network: view.network }),
  );
  return [
    ...view.records.flatMap((record) => planRecorded(record, byId, view.network)),
    ...[...Map.groupBy(ours, gameOf)].flatMap(([gameId, containers]) =>
      planOthers(gameId, records.get(gameId), containers, view.ended.get(gameId) ?? []),
    ),
  ];
}

const gameOf = (container: Container): string => container.labels[GAME_LABEL] ?? '';

const stateOf = (container: Container): 'running' | 'not_running' =>
  container.running ? 'running' : 'not_running';

/** What the recorded container calls for. */
function planRecorded(
  { gameId, status, currentContainerId: containerId }: RecordedGame,
  byId: ReadonlyMap<string, Container>,
  network: string,
): DriftStep[] {
  if (status === 'removed') return [];
  const container = containerId === null ? undefined : byId.get(containerId);
  const about = { gameId, containerId, recordStatus: status };
  if (!container) {
    const reason = `The record says ${status} and there is no such container any more.`;
    return [{ ...about, containerState: 'gone', action: 'dispose', reason }];
  }
  const containerState = stateOf(container);
  if (status === 'running') {
    if (container.running) return [];
    const reason = `The record says running and the container is ${container.state}.`;
    return [{ ...about, containerState, action: 'mark_exited', reason }];
  }
  if (!container.running) return [];
  return isOurs(container, { gameId, network })
    ? [
        {
          ...about,
          containerState,
          action: 'adopt',
          reason: 'The record says stopped and its container runs again.',
        },
      ]
    : [
        {
          ...about,
          containerState,
          action: 'leave_alone',
          reason: `The record says stopped; its container runs, but not on network ${network} with our labels.`,
        },
      ];
}

/** What the game's other containers call for: those that no record, or another one, tells of. */
function planOthers(
  gameId: string,
  record: RecordedGame | undefined,
  containers: readonly Container[],
  ended: readonly string[],
): DriftStep[] {
  const recordedId = record?.status === 'removed' ? null : record?.currentContainerId;
  const others = containers.filter((container) => container.id !== recordedId);
  const adopted = record || !isGameId(gameId) ? undefined : pickToAdopt(gameId, others);
  return others.map((container) => {
    const about = {
      gameId,
      containerId: container.id,
      recordStatus: record?.status ?? null,
      containerState: stateOf(container),
    };
    if (!isGameId(gameId)) {
      const reason = 'Its game label is no game id, so no record can tell of it.';
      return { ...about, action: 'leave_alone', reason };
    }
    if (container === adopted) {
      const reason = "A running container carries RTM's labels and no record exists for its game.";
      return { ...about, action: 'adopt', reason };
    }
    const why = whyNotRecorded(record, container);
    // Nothing but the label of an operation that is over proves that RTM made it and nobody needs it any more.
    return ended.includes(operationOf(container))
      ? {
          ...about,
          action: 'remove_container',
          reason: `${why}; an operation of RTM that has ended created it.`,
        }
      : { ...about, action: 'leave_alone', reason: `${why}; nothing proves that RTM created it.` };
  });
}

/** Of several that run without a record, the one under the game's own name; otherwise the same one always. */
function pickToAdopt(gameId: GameId, containers: readonly Container[]): Container | undefined {
  const running = containers.filter((container) => container.running);
  const named = running.find((container) => container.name === containerName(gameId));
  return named ?? running.toSorted((left, right) => (left.id < right.id ? -1 : 1))[0];
}

function whyNotRecorded(record: RecordedGame | undefined, { running }: Container): string {
  if (!record)
    return running ? 'Another container of the game is adopted' : 'It does not run and no record exists';
  if (record.status === 'removed') return 'The record says removed';
  return 'The record names another container of the game';
}
