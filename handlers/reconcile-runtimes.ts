import { daemonTimeNanos } from '../lib/daemon-time.ts';
import type { ReconcileHold } from '../lib/explain/facts.ts';
import type { SnapshotSource } from '../lib/health.ts';
import { OP_KIND_OF } from '../lib/reconcile-plan.ts';
import { type PlannedStep, type ReconcilePlan, surveyDrift } from '../lib/survey-drift.ts';
import { acceptIdleGames, type FoundOperation, findBusy } from '../sql/accept-idle.ts';
import { noteDaemon, trustDaemon } from '../sql/docker-daemon.ts';
import { findEnded } from '../sql/operation-log.ts';
import { noteReconcileHold } from '../sql/reconcile-hold.ts';
import { listRecordedGames } from '../sql/recorded-games.ts';
import type { CareContext } from './types.ts';

/** What a pass would do now, without doing it. */
export function planReconciliation(
  context: Pick<CareContext, 'docker' | 'db' | 'config' | 'now' | 'signal'>,
): Promise<ReconcilePlan> {
  const { docker, db, config, now, signal } = context;
  return surveyDrift({
    docker,
    now,
    signal,
    maxDisposeShare: config.reconcile.maxDisposeShare,
    store: {
      listRecorded: (alsoRemoved) => listRecordedGames(db, alsoRemoved),
      findBusy: (gameIds) => findBusy(db, gameIds),
      findEnded: (operationIds, agoMs) => findEnded(db, { operationIds, agoMs }),
      trustDaemon: (daemonId) => trustDaemon(db, { daemonId, settleMs: config.reconcile.intervalMs }),
    },
  });
}

/**
 * One pass: what is out of step is queued to be repaired, each game in its own turn. Returns what was found; of that the
 * steps that change something are queued, but for disposals while the brake is on.
 *
 * @param source who asks, which the snapshots then tell; `reconcile` for a whole pass
 * @param isWanted leaves the other steps for a whole pass
 */
export async function reconcileRuntimes(
  context: CareContext,
  source: SnapshotSource,
  isWanted: (step: PlannedStep) => boolean = () => true,
): Promise<ReconcilePlan> {
  const { db, log, now, metrics } = context;
  const plan = await planReconciliation(context);
  const { brake, daemon, daemonChanged } = plan;
  const steps = plan.steps.filter((step) => isWanted(step) && !(brake.on && step.action === 'dispose'));
  for (const { action } of plan.steps.filter(isWanted)) metrics.count('reconcileActions', { action });
  const operations = [...Map.groupBy(steps, (step) => step.gameId).values()].flatMap((ofGame) =>
    operationFor(ofGame, plan.recordOf, { source, nowMs: now() }),
  );
  const games = await acceptIdleGames(db, operations, context.wake);
  // After the steps were taken: the records tell of this daemon from now on. Only a whole pass says so, and so the next
  // whole one is the first that may dispose, however soon somebody asks for a few games.
  if (source === 'reconcile') {
    await noteDaemon(db, { daemonId: daemon.id, eventCursor: daemonTimeNanos(daemon.now) });
    await noteReconcileHold(db, holdOf(plan));
  }

  if (daemonChanged) {
    log.error('Docker is another daemon than the records tell of; this pass disposed no game', {
      daemon_id: daemon.id,
    });
  }
  if (brake.on) {
    log.error('the dispose brake is on: too many containers are gone at once, no game was disposed', {
      would_dispose: brake.wouldDispose,
      running: brake.running,
      max_share: brake.maxShare,
    });
  }
  if (games > 0) {
    // A death that no event has told of so far: the events may have died in silence (failure-modes.md, row 1).
    const missedEvents = steps.filter(
      ({ action }) => action === 'mark_exited' || action === 'dispose',
    ).length;
    metrics.countMany('eventsMissed', missedEvents);
    if (missedEvents > 0) context.listenAnew();
    log.warn('records and containers were out of step; repair is queued', {
      source,
      games,
      ...countActions(steps),
      missed_events: missedEvents,
    });
  }
  tellLeftAlone(plan, context);
  return plan;
}

/** What an explanation of one game can not find out for itself. */
const holdOf = ({ brake, daemonChanged, observedAtMs }: ReconcilePlan): ReconcileHold | null =>
  brake.on || daemonChanged
    ? {
        observedAt: observedAtMs,
        daemonChanged,
        wouldDispose: brake.wouldDispose,
        running: brake.running,
      }
    : null;

/** How many of those that are left alone a log line names. */
const NAMED = 10;

function tellLeftAlone({ steps }: ReconcilePlan, { log }: CareContext): void {
  const left = steps.filter((step) => step.action === 'leave_alone');
  if (left.length === 0) return;
  log.info('containers are left alone; GET /api/v1/internal/reconcile/plan says why', {
    count: left.length,
    containers: left.slice(0, NAMED).map((step) => step.containerId),
  });
}

/** One operation does everything that its game calls for; what changes the record gives it its name. */
function operationFor(
  steps: readonly PlannedStep[],
  recordOf: ReconcilePlan['recordOf'],
  { source, nowMs }: { source: SnapshotSource; nowMs: number },
): FoundOperation[] {
  const kinds = steps
    .toSorted((left, right) => rank(left) - rank(right))
    .flatMap(({ action }) => (action === 'skip_busy' ? [] : (OP_KIND_OF[action] ?? [])));
  const [opKind] = kinds;
  const [{ gameId } = { gameId: '' }] = steps;
  if (!opKind) return [];
  return [
    {
      seen: recordOf.get(gameId) ?? null,
      gameId,
      opKind,
      opSource: 'auto_reconcile',
      sourceRef: null,
      imageRef: null,
      reason: source,
      requestedAt: nowMs,
    },
  ];
}

const countActions = (steps: readonly PlannedStep[]): Record<string, number> =>
  Object.fromEntries(
    [...Map.groupBy(steps, (step) => step.action)].map(([action, all]) => [action, all.length]),
  );

const rank = ({ action }: PlannedStep): number => (action === 'remove_container' ? 1 : 0);
