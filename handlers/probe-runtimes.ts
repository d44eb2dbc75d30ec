import { setTimeout as sleep } from 'node:timers/promises';
import { isInGrace, offsetMs, type ProbePlan, planProbes } from '../lib/probe-plan.ts';
import type { Probe } from '../lib/probe-spell.ts';
import { isProberTrouble } from '../lib/prober-trouble.ts';
import { type HashRange, sliceAt } from '../lib/tick-slice.ts';
import { countProbes } from '../sql/count-probes.ts';
import { type DueProbe, findDueProbes } from '../sql/due-probes.ts';
import { dropEndedCounters } from '../sql/probe-counters.ts';
import type { TickContext, TickHandler } from './types.ts';

/**
 * One tick of the probe: asks the engines whose turn it is, each at its own moment of the slice, then counts what they
 * answered and tells what follows. Games that were well and still are leave no trace. A tick that is missed, or cut off
 * by the end of the replica, is one probe less for its games.
 */
export const probeRuntimes: TickHandler = async (context) => {
  const { db, config, turnMs, signal } = context;
  const plan = planProbes(config.probe);
  const slice = sliceAt(plan, turnMs);
  const beganAtMs = performance.now();
  const games = await findDueProbes(db, slice);
  const notable = await probeAll(games, { plan, slice }, context);
  if (signal.aborted) return;
  if (notable.length > 0) await countAndTell(notable, { plan, beganAtMs }, context);
  if (slice.from === sliceAt(plan, 0).from) await dropEndedCounters(db);
};

/** Starts each probe at its moment, and waits for them all. Returns those that change anything. */
async function probeAll(
  games: readonly DueProbe[],
  { plan, slice }: { plan: ProbePlan; slice: HashRange },
  { engines, dueAtMs, signal, now, metrics }: TickContext,
): Promise<Probe[]> {
  const beganAtMs = performance.now();
  const underWay = new Set<Promise<void>>();
  const notable: Probe[] = [];
  for (const game of games) {
    const waitMs = beganAtMs + offsetMs(plan, slice, game.phase) - performance.now();
    if (waitMs >= 1) await sleep(waitMs, undefined, { signal }).catch(() => {});
    if (signal.aborted) break;
    const probed = probe(game).finally(() => underWay.delete(probed));
    underWay.add(probed);
  }
  await Promise.all(underWay);
  return notable;

  async function probe({ gameId, startedAt, isFailing, ...engine }: DueProbe): Promise<void> {
    const isYoung = isInGrace(plan, startedAt, now());
    const result = await engines.probe(engine, signal);
    metrics.count('probes', { result: result.kind });
    if (result.kind === 'none' || (result.kind === 'failed' ? isYoung : !isFailing)) return;
    notable.push({ gameId, containerId: engine.containerId, result, dueAtMs });
  }
}

async function countAndTell(
  probes: readonly Probe[],
  { plan: { intervalMs, sliceMs }, beganAtMs }: { plan: ProbePlan; beganAtMs: number },
  { db, engines, dueAtMs, config, log, now, publish }: TickContext,
): Promise<void> {
  const { troubleBegins, told } = await db.transaction((transaction) =>
    countProbes(transaction, {
      probes,
      dueAtMs,
      rules: { threshold: config.probe.failuresThreshold, intervalMs, sliceMs, nowMs: now() },
      compared: engines.unanswered,
      judge({ probed, failing, failingBefore }) {
        // After a round of failures, what is known to fail would be more than half, had nobody had an answer.
        const isAlone = !isProberTrouble({ probed, failing: failingBefore });
        if (isAlone && engines.isCutOff(probed, beganAtMs - intervalMs)) return 'this replica';
        return isProberTrouble({ probed, failing }) ? 'prober' : 'engines';
      },
    }),
  );
  if (troubleBegins) {
    log.warn(
      'more than half of all games fail their probe: it is taken for the trouble of the prober itself',
      {
        games: troubleBegins.probed,
        failing: troubleBegins.failing,
      },
    );
  }
  if (told.length > 0) await publish(told);
}
