import { setTimeout as sleep } from 'node:timers/promises';
import type { TrustDaemon } from './daemon-trust.ts';
import { applyBrake, type DisposeBrake } from './dispose-brake.ts';
import { type Container, isOurs, operationOf } from './docker/container.ts';
import type { Docker } from './docker/docker.ts';
import { GAME_LABEL } from './docker/labels.ts';
import type { Daemon } from './docker/read-daemon.ts';
import { lookAgain } from './look-again.ts';
import { type DriftStep, planReconcile, type RecordedGame, WORK_IS_OVER_MS } from './reconcile-plan.ts';

/** What is known of the games; each is asked once a survey, however many games there are. */
export interface DriftStore {
  /** Every game that runs or is stopped, and those of the given ones that are removed. */
  listRecorded(alsoRemoved: readonly string[]): Promise<readonly RecordedGame[]>;
  /** Those of the games whose turn is taken. */
  findBusy(gameIds: readonly string[]): Promise<ReadonlySet<string>>;
  /** Those of the operations that ended at least so long ago, by game. */
  findEnded(operationIds: readonly string[], agoMs: number): Promise<ReadonlyMap<string, readonly string[]>>;
  readonly trustDaemon: TrustDaemon;
}

interface Survey {
  readonly docker: Pick<Docker, 'network' | 'daemon' | 'listOwned' | 'inspect'>;
  readonly store: DriftStore;
  /** Of all running games, from 0 to 1: above it a pass disposes none. */
  readonly maxDisposeShare: number;
  readonly now: () => number;
  readonly signal: AbortSignal;
}

/** One step of a plan; `skip_busy` where the game's turn is taken. */
export type PlannedStep = Omit<DriftStep, 'action'> & { readonly action: DriftStep['action'] | 'skip_busy' };

/** What a reconcile pass would do now. */
export interface ReconcilePlan {
  readonly observedAtMs: number;
  readonly network: string;
  readonly daemon: Daemon;
  /** The records tell of another daemon: absence says nothing, and no game is disposed. */
  readonly daemonChanged: boolean;
  /** The records that it was found by, by game. */
  readonly recordOf: ReadonlyMap<string, RecordedGame>;
  /** How many records were compared, and how many containers of ours were found. */
  readonly records: number;
  readonly containers: number;
  /** Games that need nothing. */
  readonly inStep: number;
  readonly steps: readonly PlannedStep[];
  readonly brake: DisposeBrake;
}

/** A daemon that shows nothing at all is asked again after so long. */
const EMPTY_PAUSE_MS = 1_000;

/**
 * Compares all records with all containers and changes nothing. What would change something is looked at once more.
 *
 * @throws RuntimeError `docker_unavailable` when Docker does not answer or its answer can not be read
 */
export async function surveyDrift({
  docker,
  store,
  maxDisposeShare,
  now,
  signal,
}: Survey): Promise<ReconcilePlan> {
  const { network } = docker;
  const observedAtMs = now();
  const daemon = await docker.daemon(signal);
  const daemonChanged = (await store.trustDaemon(daemon.id)) === 'another';
  let lists = await readLists({ docker, store, signal });
  if (lists.containers.length === 0 && lists.records.length > 0) {
    await sleep(EMPTY_PAUSE_MS, undefined, { signal });
    lists = await readLists({ docker, store, signal });
  }
  const { containers, ours, records } = lists;
  const recordedIds = new Set(records.map((record) => record.currentContainerId));
  const unrecorded = ours.filter((one) => !recordedIds.has(one.id));
  const ended = await store.findEnded(unrecorded.map(operationOf), WORK_IS_OVER_MS);
  const drift = planReconcile({ records, containers, network, ended });
  const busy = await store.findBusy([...new Set(drift.map((step) => step.gameId))]);
  const [idle, others] = partition(drift, (step) => step.action !== 'leave_alone' && !busy.has(step.gameId));
  const verified = await lookAgain(idle, { docker, signal });

  const toDo = daemonChanged ? holdForDaemon(verified) : verified;
  const brake = applyBrake(toDo, records, maxDisposeShare);
  const done = brake.on ? holdLost(toDo, HELD_BY_BRAKE, isNoDisposal) : toDo;
  const steps = [...done, ...others.map((step) => skipBusy(step, busy))];
  const games = new Set([...records.map((record) => record.gameId), ...ours.map(gameOf)]);
  const drifted = new Set(steps.map((step) => step.gameId));
  return {
    observedAtMs,
    network,
    daemon,
    daemonChanged,
    recordOf: new Map(records.map((record) => [record.gameId, record])),
    records: records.length,
    containers: ours.length,
    inStep: [...games].filter((gameId) => !drifted.has(gameId)).length,
    steps,
    brake,
  };
}

interface Lists {
  /** Those with our owner label, on whatever network, and those of them that are ours. */
  readonly containers: readonly Container[];
  readonly ours: readonly Container[];
  readonly records: readonly RecordedGame[];
}

async function readLists({
  docker,
  store,
  signal,
}: Pick<Survey, 'docker' | 'store' | 'signal'>): Promise<Lists> {
  const containers = await docker.listOwned(signal);
  const ours = containers.filter((one) => isOurs(one, { gameId: gameOf(one), network: docker.network }));
  // Records after containers: what an operation finished in between then shows as drift, and the second look ends it.
  const records = await store.listRecorded([...new Set(ours.map(gameOf))]);
  return { containers, ours, records };
}

const gameOf = (container: Container): string => container.labels[GAME_LABEL] ?? '';

/** Why a step is not taken. */
export const HELD_BY_BRAKE = 'The dispose brake holds its game.';
export const ANOTHER_DAEMON = 'Docker is another daemon than the records tell of.';

const isNoDisposal = ({ action }: DriftStep): boolean => action !== 'dispose';

/** Leaves alone what `isHeld` of the games that would be disposed of: the operation of such a game would dispose it too. */
function holdLost(
  steps: readonly DriftStep[],
  why: string,
  isHeld: (step: DriftStep) => boolean = () => true,
): DriftStep[] {
  const lost = new Set(steps.filter((step) => step.action === 'dispose').map((step) => step.gameId));
  return steps.map((step) => (lost.has(step.gameId) && isHeld(step) ? leaveAlone(step, why) : step));
}

/** The step that is not taken, and why not. */
export const leaveAlone = (step: DriftStep, why: string): DriftStep => ({
  ...step,
  action: 'leave_alone',
  reason: `${why} ${step.reason}`,
});

/** Another daemon has other containers: no game is given up for what it does not show, and nothing removed for what it does. */
function holdForDaemon(steps: readonly DriftStep[]): DriftStep[] {
  const why = ANOTHER_DAEMON;
  return holdLost(steps, why).map((step) =>
    step.action === 'remove_container' ? leaveAlone(step, why) : step,
  );
}

export const skipBusy = (step: DriftStep, busy: ReadonlySet<string>): PlannedStep =>
  step.action === 'leave_alone' || !busy.has(step.gameId)
    ? step
    : { ...step, action: 'skip_busy', reason: `An unfinished operation has the game's turn. ${step.reason}` };

function partition<T>(all: readonly T[], belongs: (one: T) => boolean): [T[], T[]] {
  return [all.filter(belongs), all.filter((one) => !belongs(one))];
}
