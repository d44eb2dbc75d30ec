import type { CommonQueryMethods } from 'slonik';
import { makeHealthEvent } from '../lib/messages.ts';
import { countProbe, type Probe, type ProbeRound } from '../lib/probe-spell.ts';
import { mayBeProber, type ProbedFleet } from '../lib/prober-trouble.ts';
import { putSnapshot } from './health-snapshots.ts';
import { addMessages } from './outbox.ts';
import { dropCounters, findCounters, putCounters } from './probe-counters.ts';
import { noteTrouble, viewFleet } from './probed-fleet.ts';
import { lockRunning } from './running-games.ts';

/** What failures stand for: each for its engine, or all of them for the prober of all replicas, or of this one. */
export type FailureMeaning = 'engines' | 'prober' | 'this replica';

interface Count {
  readonly probes: readonly Probe[];
  readonly dueAtMs: number;
  readonly rules: Pick<ProbeRound, 'threshold' | 'intervalMs' | 'sliceMs' | 'nowMs'>;
  /** Another number than the failing games that the fleet is compared with. */
  readonly compared: number;
  /** `failingBefore` of the failing games are known from earlier ticks, of any replica. */
  readonly judge: (fleet: ProbedFleet & { readonly failingBefore: number }) => FailureMeaning;
}

interface Counted {
  /** A spell of the prober's trouble begins with this tick: of this fleet. */
  readonly troubleBegins: ProbedFleet | null;
  /** Games with something to publish. */
  readonly told: readonly string[];
}

/**
 * Counts probes of games that fail or have failed, and writes what follows: counters, snapshots and messages at once or
 * not at all. Of a game that does not run in that container any more, nothing follows. Must run in a transaction.
 */
export async function countProbes(
  transaction: CommonQueryMethods,
  { probes, dueAtMs, rules, compared, judge }: Count,
): Promise<Counted> {
  const held = await lockRunning(transaction, probes);
  const current = probes.filter((probe) => held.has(probe.gameId));
  const failed = gamesOf(current.filter(({ result }) => result.kind === 'failed'));
  const suspect = current.filter(({ result }) => mayBeProber(result)).length;
  const { lastTroubleAtMs, ...fleet } = await viewFleet(transaction, { failed, suspect, compared });
  const meaning = failed.length > 0 ? judge(fleet) : 'engines';
  const inTrouble = meaning === 'prober';
  const begins = inTrouble && (await noteTrouble(transaction, { dueAtMs, quietMs: 2 * rules.intervalMs }));

  const counted = meaning === 'this replica' ? current.filter(isHealthy) : current;
  const counters = await findCounters(transaction, gamesOf(counted));
  const round: ProbeRound = { ...rules, games: fleet.probed, inTrouble, lastTroubleAtMs };
  const verdicts = counted.map((probe) => {
    const before = counters.get(probe.gameId) ?? null;
    return { gameId: probe.gameId, before, ...countProbe(before, probe, round) };
  });

  const changed = verdicts.filter(({ counter, before }) => counter !== before);
  await putCounters(
    transaction,
    changed.flatMap(({ counter }) => counter ?? []),
  );
  await dropCounters(transaction, gamesOf(changed.filter(({ counter }) => counter === null)));
  const telling = verdicts.filter(({ events }) => events.length > 0);
  for (const { gameId, events } of telling) {
    const latest = events.at(-1);
    if (latest) await putSnapshot(transaction, gameId, latest);
  }
  await addMessages(
    transaction,
    telling.flatMap(({ gameId, events }) => events.map((event) => makeHealthEvent(gameId, event))),
  );
  return { troubleBegins: begins ? fleet : null, told: gamesOf(telling) };
}

const isHealthy = ({ result }: Probe): boolean => result.kind === 'healthy';

const gamesOf = (all: readonly { readonly gameId: string }[]): string[] => all.map(({ gameId }) => gameId);
