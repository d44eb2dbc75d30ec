import type { InspectedContainer } from '../lib/docker/container.ts';
import type { HealthEvent } from '../lib/health.ts';
import { GONE, judge } from '../lib/inspection.ts';
import { makeHealthEvent } from '../lib/messages.ts';
import { makeSemaphore } from '../lib/semaphore.ts';
import type { ReconcilePlan } from '../lib/survey-drift.ts';
import { planRound, sliceAt } from '../lib/tick-slice.ts';
import { findBusy } from '../sql/accept-idle.ts';
import { putSnapshots } from '../sql/health-snapshots.ts';
import { endUnhealthy, getFindings, putFindings } from '../sql/inspect-findings.ts';
import { addMessages } from '../sql/outbox.ts';
import { listRunning, lockRunning, type RunningGame } from '../sql/running-games.ts';
import type { TickContext, TickHandler } from './types.ts';

/** Inspections at once. */
const PARALLEL_LOOKS = 8;
/** All looks of one tick, milliseconds: a Docker that hangs must not let the ticks pile up. */
const LOOKS_MS = 5_000;

/** A game and its container as it is now; null when there is none any more. */
interface Look extends RunningGame {
  readonly container: InspectedContainer | null;
}
interface RunningLook extends RunningGame {
  readonly container: InspectedContainer;
}

const isRunning = (look: Look): look is RunningLook => look.container?.running === true;

/**
 * Inspects the running games of one slice of the round (spec, section 5). What is wrong with a container that runs is
 * told once a spell; that one does not run any more is drift, and left to a reconcile pass, with its brake.
 */
export const inspectRuntimes: TickHandler = async (context) => {
  const { db, config, turnMs } = context;
  // In another order each time: where Docker is slow, a tick ends before all have had their turn.
  const games = shuffled(await listRunning(db, sliceAt(planRound(config.inspect.intervalMs), turnMs)));
  if (games.length === 0) return;
  const known = await getFindings(db, idsOf(games));
  const looks = await lookAtAll(games, context);

  const noted = looks
    .filter(isRunning)
    .filter(({ gameId, container }) => judge(container, known.get(gameId)).hasChanged);
  if (noted.length > 0) await tellFindings(noted, context);

  const lost = looks.filter((look) => !isRunning(look));
  const isKnown = ({ gameId, containerId }: RunningGame): boolean => {
    const finding = known.get(gameId);
    return finding?.containerId === containerId && finding.problems.includes(GONE);
  };
  if (lost.some((game) => !isKnown(game))) await queueRepair(lost, context);
};

const shuffled = <T>(all: readonly T[]): T[] =>
  all
    .map((one) => ({ one, place: Math.random() }))
    .toSorted((left, right) => left.place - right.place)
    .map(({ one }) => one);

const idsOf = (games: readonly RunningGame[]): string[] => games.map((game) => game.gameId);

/** A look that fails says nothing about its game, and keeps none of the others from being looked at. */
async function lookAtAll(
  games: readonly RunningGame[],
  { docker, signal, log }: TickContext,
): Promise<Look[]> {
  const looks = makeSemaphore(PARALLEL_LOOKS);
  const inTime = AbortSignal.any([signal, AbortSignal.timeout(LOOKS_MS)]);
  const outcomes = await Promise.allSettled(
    games.map(async (game): Promise<Look> => {
      const look = () => docker.inspect(game.containerId, inTime);
      return { ...game, container: await looks.run(look, inTime) };
    }),
  );
  const failed = outcomes.filter((outcome) => outcome.status === 'rejected');
  if (failed.length > 0) {
    signal.throwIfAborted();
    log.warn('containers could not be inspected; they are at their next turn', {
      containers: failed.length,
      of: games.length,
      error: failed[0]?.reason,
    });
  }
  return outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
}

/**
 * Writes what has changed, and tells what is news. What was found before is read again under a lock: another tick may
 * have told it. A game whose turn is taken is left alone: what is to be seen of its container is RTM's own doing.
 */
async function tellFindings(looks: readonly RunningLook[], context: TickContext): Promise<void> {
  const { db, now, log } = context;
  const told = await db.transaction(async (transaction) => {
    const running = await lockRunning(transaction, looks);
    const busy = await findBusy(transaction, [...running]);
    const idle = looks.filter(({ gameId }) => running.has(gameId) && !busy.has(gameId));
    const before = await getFindings(transaction, idsOf(idle));
    const changed = idle
      .map((look) => ({ ...look, ...judge(look.container, before.get(look.gameId)) }))
      .filter(({ hasChanged }) => hasChanged);
    const nowMs = now();
    await putFindings(
      transaction,
      changed.map(({ gameId, finding }) => ({ gameId, ...finding })),
      nowMs,
    );
    await endUnhealthy(
      transaction,
      changed.filter(({ isOver }) => isOver),
      nowMs,
    );
    const news = changed
      .filter(({ isNews }) => isNews)
      .map(({ gameId, container }) => ({ gameId, event: unhealthy(container, nowMs) }));
    await putSnapshots(transaction, news);
    await addMessages(
      transaction,
      news.map(({ gameId, event }) => makeHealthEvent(gameId, event)),
    );
    return news;
  });
  if (told.length === 0) return;
  log.warn('containers are not as they should be', {
    games: told.length,
    first: { game_id: told[0]?.gameId, ...told[0]?.event.details },
  });
  await context.publish(told.map(({ gameId }) => gameId));
}

const unhealthy = (
  { id, restartCount, state, health }: InspectedContainer,
  occurredAtMs: number,
): Extract<HealthEvent, { type: 'inspect_unhealthy' }> => ({
  type: 'inspect_unhealthy',
  source: 'inspect',
  containerId: id,
  occurredAtMs,
  details: { restart_count: restartCount, state, health },
});

/** Lets a reconcile pass queue what is to be done about these games; what it keeps from disposal is asked for once. */
async function queueRepair(lost: readonly RunningGame[], { db, now, reconcile }: TickContext): Promise<void> {
  const busy = await findBusy(db, idsOf(lost));
  const wanted = new Set(idsOf(lost).filter((gameId) => !busy.has(gameId)));
  if (wanted.size === 0) return;
  const plan = await reconcile('inspect', (step) => wanted.has(step.gameId));
  await putFindings(db, keptGames(plan), now());
}

/**
 * The games that the dispose brake keeps, or another daemon than the known one. Of other slices too: while many are gone,
 * one pass that disposes none is enough.
 */
const keptGames = ({ brake, daemonChanged, steps }: ReconcilePlan) =>
  brake.on || daemonChanged
    ? steps.flatMap(({ containerState, recordStatus, gameId, containerId }) =>
        containerState === 'gone' && recordStatus === 'running' && containerId !== null
          ? [{ gameId, containerId, restartCount: 0, problems: [GONE] }]
          : [],
      )
    : [];
