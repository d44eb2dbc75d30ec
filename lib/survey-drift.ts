import { setTimeout as sleep } from 'node:timers/promises';
import { applyBrake, type DisposeBrake } from './dispose-brake.ts';
import { type Container, isOurs, operationOf } from './docker/container.ts';
import type { Docker } from './docker/docker.ts';
import { GAME_LABEL } from './docker/labels.ts';
import type { Daemon } from './docker/read-daemon.ts';
import { type DriftStep, planReconcile, type RecordedGame, WORK_IS_OVER_MS } from './reconcile-plan.ts';
import { makeSemaphore } from './semaphore.ts';

/** What is known of the games; each is asked once a survey, however many games there are. */
export interface DriftStore {
  /** Every game that runs or is stopped, and those of the given ones that are removed. */
  listRecorded(alsoRemoved: readonly string[]): Promise<readonly RecordedGame[]>;
  /** Those of the games whose turn is taken. */
  findBusy(gameIds: readonly string[]): Promise<ReadonlySet<string>>;
  /** Those of the operations that ended at least so long ago, by game. */
  findEnded(operationIds: readonly string[], agoMs: number): Promise<ReadonlyMap<string, readonly string[]>>;
  /** The daemon that the records tell of; null before the first pass. */
  knownDaemonId(): Promise<string | null>;
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
  /** How many records were compared, and how many containers of ours were found. */
  readonly records: number;
  readonly containers: number;
  /** Games that need nothing. */
  readonly inStep: number;
  readonly steps: readonly PlannedStep[];
  readonly brake: DisposeBrake;
}

/** Inspections at once. */
const PARALLEL_LOOKS = 8;
/** A daemon that shows nothing at all is asked again after so long. */
const EMPTY_PAUSE_MS = 1_000;

/**
 * Compares all records with all containers and changes nothing. What would change a record is looked at once more, by
 * id: a list is older than what happened since, and absence from it proves nothing (failure-modes.md, row 11).
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
  let containers = await docker.listOwned(signal);
  const labelled = [...new Set(containers.map(gameOf))];
  // Records after containers: what an operation finished in between then shows as drift, and the second look ends it.
  const [records, knownDaemonId] = await Promise.all([store.listRecorded(labelled), store.knownDaemonId()]);
  if (containers.length === 0 && records.length > 0) {
    await sleep(EMPTY_PAUSE_MS, undefined, { signal });
    containers = await docker.listOwned(signal);
  }
  const ours = containers.filter((one) => isOurs(one, { gameId: gameOf(one), network }));
  const ended = await store.findEnded(ours.map(operationOf), WORK_IS_OVER_MS);
  const drift = planReconcile({ records, containers, network, ended });
  const busy = await store.findBusy([...new Set(drift.map((step) => step.gameId))]);
  const stands = await lookAgain(drift, { docker, signal, busy });

  const daemonChanged = knownDaemonId !== null && knownDaemonId !== daemon.id;
  const steps = drift
    .filter((step) => stands.has(step))
    .map((step): PlannedStep => {
      if (step.action === 'leave_alone') return step;
      if (busy.has(step.gameId)) {
        return {
          ...step,
          action: 'skip_busy',
          reason: `An unfinished operation has the game's turn. ${step.reason}`,
        };
      }
      return daemonChanged && step.action === 'dispose'
        ? {
            ...step,
            action: 'leave_alone',
            reason: `Docker is another daemon than the records tell of. ${step.reason}`,
          }
        : step;
    });
  const games = new Set([...records.map((record) => record.gameId), ...ours.map(gameOf)]);
  const drifted = new Set(steps.map((step) => step.gameId));
  return {
    observedAtMs,
    network,
    daemon,
    daemonChanged,
    records: records.length,
    containers: ours.length,
    inStep: [...games].filter((gameId) => !drifted.has(gameId)).length,
    steps,
    brake: applyBrake(
      steps.filter((step): step is DriftStep => step.action !== 'skip_busy'),
      records,
      maxDisposeShare,
    ),
  };
}

const gameOf = (container: Container): string => container.labels[GAME_LABEL] ?? '';

/** The steps that still hold when their container is inspected now. What nothing will be done about is not asked for. */
async function lookAgain(
  steps: readonly DriftStep[],
  { docker, signal, busy }: Pick<Survey, 'docker' | 'signal'> & { busy: ReadonlySet<string> },
): Promise<ReadonlySet<DriftStep>> {
  const looks = makeSemaphore(PARALLEL_LOOKS);
  const held = await Promise.all(
    steps.map(async (step) => {
      const { action, containerId, containerState, gameId } = step;
      if (action === 'leave_alone' || containerId === null || busy.has(gameId)) return true;
      const container = await looks.run(() => docker.inspect(containerId, signal), signal);
      if (!container) return containerState === 'gone';
      return containerState === (container.running ? 'running' : 'not_running');
    }),
  );
  return new Set(steps.filter((_, index) => held[index]));
}
