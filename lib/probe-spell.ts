import { z } from 'zod';
import type { HealthEvent } from './health.ts';
import type { ProbeAnswer, ProbeFailure } from './probe-result.ts';
import { LEAST_FLEET } from './prober-trouble.ts';
import { storedText } from './shown-text.ts';

/** A game whose last probe failed; there is none of a game that is well. Times are epoch milliseconds. */
export const probeCounter = z.strictObject({
  gameId: z.string(),
  /** Another container than the recorded one: the count is over. */
  containerId: z.string(),
  /** The last one is among them until the round is known to have been the prober's trouble. */
  consecutiveFailures: z.number(),
  /** Since when it is known to fail, without a gap in which nobody asked. */
  failingSince: z.number(),
  lastStatus: z.number().nullable(),
  lastError: storedText,
  /** `probe_failed` was sent for this spell, so `probe_recovered` will be. */
  told: z.boolean(),
  /** When the last failed probe was due. */
  observedAt: z.number(),
});
export type ProbeCounter = z.infer<typeof probeCounter>;

/** One probe that had a result. */
export interface Probe {
  readonly gameId: string;
  readonly containerId: string;
  readonly result: ProbeAnswer;
  /** When its tick was due. */
  readonly dueAtMs: number;
}

/** The round that a probe is part of: what the other games' probes say. */
export interface ProbeRound {
  readonly threshold: number;
  readonly intervalMs: number;
  readonly sliceMs: number;
  readonly nowMs: number;
  /** Games in all, or so many that it makes no difference. */
  readonly games: number;
  /** So many fail that it must be the prober. */
  readonly inTrouble: boolean;
  /** When a round was last in trouble, before this tick. */
  readonly lastTroubleAtMs: number | null;
}

/** What follows from a probe. */
interface Verdict {
  /** The counter from now on; the one from before, itself, when nothing changes. */
  readonly counter: ProbeCounter | null;
  /** To be told, in this order. */
  readonly events: readonly HealthEvent[];
}

/**
 * Counts one probe. Over any sequence of probes a spell of failures is told once, when it has reached the threshold, and
 * its end once, if it was told.
 */
export function countProbe(before: ProbeCounter | null, probe: Probe, round: ProbeRound): Verdict {
  const known = before?.containerId === probe.containerId ? before : null;
  if (known && isOvertaken(known, probe)) return { counter: before, events: [] };
  if (probe.result.kind === 'healthy')
    return { counter: null, events: known ? endSpell(known, probe, round) : [] };
  const counter = addFailure(known, { ...probe, result: probe.result }, round);
  if (!isToBeTold(counter, probe, round)) return { counter, events: [] };
  return { counter: { ...counter, told: true }, events: [failedEvent(counter, round)] };
}

/** A clock that is set back by more than this makes an earlier tick than the last one; by less, probes wait for it. */
const LONGEST_OVERLAP_MS = 300_000;

/** A tick that was run twice, or that a later one has overtaken, has nothing to say any more. */
const isOvertaken = ({ observedAt }: ProbeCounter, { dueAtMs }: Probe): boolean =>
  observedAt >= dueAtMs && observedAt - dueAtMs < LONGEST_OVERLAP_MS;

function addFailure(
  known: ProbeCounter | null,
  { gameId, containerId, dueAtMs, result }: Probe & { readonly result: ProbeFailure },
  round: ProbeRound,
): ProbeCounter {
  const { intervalMs, sliceMs } = round;
  // This failure takes the place of one that turned out to be no fault of the engine.
  const replaces = known !== null && wasTrouble(known, dueAtMs, round);
  const hasGap = known === null || dueAtMs - known.observedAt > 2 * intervalMs + sliceMs;
  return {
    gameId,
    containerId,
    consecutiveFailures: (known?.consecutiveFailures ?? 0) + (replaces ? 0 : 1),
    failingSince: hasGap ? dueAtMs : known.failingSince,
    lastStatus: result.status,
    lastError: result.error,
    told: known?.told ?? false,
    observedAt: dueAtMs,
  };
}

function endSpell(known: ProbeCounter, probe: Probe, round: ProbeRound): HealthEvent[] {
  const recovered: HealthEvent = {
    type: 'probe_recovered',
    source: 'probe',
    containerId: known.containerId,
    occurredAtMs: round.nowMs,
    details: { prior_failure_count: known.consecutiveFailures },
  };
  if (known.told) return [recovered];
  if (wasTrouble(known, probe.dueAtMs, round) || !isToBeTold(known, probe, round)) return [];
  return [failedEvent(known, round), recovered];
}

/** Whether the last failure was part of a round that turned out to be the prober's trouble. */
const wasTrouble = (
  { observedAt }: ProbeCounter,
  dueAtMs: number,
  { lastTroubleAtMs }: ProbeRound,
): boolean =>
  lastTroubleAtMs !== null && lastTroubleAtMs >= observedAt && lastTroubleAtMs - dueAtMs < LONGEST_OVERLAP_MS;

/**
 * Whether the spell is told now. In a fleet no game is judged before each of the others was asked since it began to
 * fail: until then nobody knows whether they fail too. From the second failure on that is so by itself.
 */
function isToBeTold(counter: ProbeCounter, { dueAtMs }: Probe, round: ProbeRound): boolean {
  if (counter.told || round.inTrouble || counter.consecutiveFailures < round.threshold) return false;
  return round.games < LEAST_FLEET || dueAtMs - counter.failingSince >= round.intervalMs - round.sliceMs;
}

const failedEvent = (
  { containerId, consecutiveFailures, lastStatus, lastError }: ProbeCounter,
  { nowMs }: ProbeRound,
): HealthEvent => ({
  type: 'probe_failed',
  source: 'probe',
  containerId,
  occurredAtMs: nowMs,
  details: {
    consecutive_failures: consecutiveFailures,
    last_status: lastStatus,
    last_error: lastError,
  },
});
