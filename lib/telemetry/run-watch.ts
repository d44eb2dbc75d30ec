import type { Operation } from '../operation.ts';
import type { Phase } from './label-sets.ts';
import type { Metrics } from './metrics.ts';
import { acceptedSpan } from './trace-ids.ts';
import { NO_SPAN, type TraceSpan, type Tracing } from './tracing.ts';

/** What came of an attempt, as far as is measured. */
interface Ended {
  /** Other results than these leave the operation without an outcome. */
  readonly result: string;
  readonly error_code?: string;
  readonly error_message?: string;
}

/** The job of the queue that a run came by. */
export interface QueueJob {
  readonly queue: string;
  readonly jobId: string;
  /** When it was added, epoch milliseconds. */
  readonly addedAtMs: number;
}

/** Looks on while one run takes the head of a game's queue through its phases: metrics and spans in one place. */
export interface RunWatch {
  /** The run has taken this operation; until then there is nothing to tell of. */
  claimed(operation: Operation): void;
  /** What `work` does belongs to the operation. */
  within<T>(work: () => Promise<T>): Promise<T>;
  /** Times a part of the operation. */
  phase<T>(phase: Phase, work: () => Promise<T>): Promise<T>;
  /** The attempt has ended; its messages may still be on their way. */
  ended(report: Ended): void;
  /** Nothing follows any more. */
  close(): void;
}

/** For runs that nobody measures, as in tests. */
export const UNWATCHED: RunWatch = {
  claimed: () => undefined,
  within: (work) => work(),
  phase: (_phase, work) => work(),
  ended: () => undefined,
  close: () => undefined,
};

interface WatchDeps {
  readonly metrics: Metrics;
  readonly tracing: Tracing;
}

export type WatchRun = (job: QueueJob) => RunWatch;

/** Neither an outcome nor given back, because PostgreSQL was away: the lease runs out. */
const BROKE_OFF = 'broke off';
const RETRY_REASONS: Readonly<Record<string, 'postponed' | 'broke_off'>> = {
  postponed: 'postponed',
  [BROKE_OFF]: 'broke_off',
};

/** Sources whose acceptance is a span of its own; what RTM finds to do begins its trace when it is run. */
const ASKED_FOR = new Set(['lobby_stream', 'gm_rest', 'admin_rest']);

export function makeWatchRun({ metrics, tracing }: WatchDeps): WatchRun {
  return (job) => {
    let operation: Operation | undefined;
    let span: TraceSpan = NO_SPAN;
    let last: Ended | undefined;

    function noteWait({ acceptedAt, opKind }: Operation, nowMs: number): void {
      metrics.time('phaseDuration', seconds(nowMs - acceptedAt), { phase: 'wait', op_kind: opKind });
      span.addPast({ name: 'wait', startMs: acceptedAt }, nowMs);
      span.addPast(
        {
          name: `${job.queue} process`,
          // A job that was there for the game before serves this operation from its acceptance on.
          startMs: Math.max(acceptedAt, job.addedAtMs),
          attributes: {
            'messaging.system': 'bullmq',
            'messaging.operation.type': 'process',
            'messaging.destination.name': job.queue,
            'messaging.message.id': job.jobId,
          },
        },
        nowMs,
      );
    }

    return {
      claimed(taken) {
        operation = taken;
        const accepted = acceptedSpan(taken);
        span = tracing.start({
          name: taken.opKind,
          traceId: accepted.traceId,
          parent: ASKED_FOR.has(taken.opSource) ? accepted : null,
          attributes: {
            'rtm.operation_id': taken.operationId,
            'rtm.game_id': taken.gameId,
            'rtm.op_source': taken.opSource,
            'rtm.attempt': taken.attempt,
          },
        });
        // A later attempt has waited for other reasons, which `retries` tells of.
        if (taken.attempt === 1) noteWait(taken, Math.max(taken.acceptedAt, taken.startedAt ?? Date.now()));
      },
      within: (work) => span.within(work),
      async phase(phase, work) {
        if (!operation) return work();
        const { opKind } = operation;
        const part = span.within(() => tracing.startPart({ name: phase }));
        const startedMs = performance.now();
        try {
          return await part.within(work);
        } finally {
          metrics.time('phaseDuration', seconds(performance.now() - startedMs), { phase, op_kind: opKind });
          part.end();
        }
      },
      ended(report) {
        last = report;
        if (operation) count(metrics, operation, report);
      },
      close() {
        if (!operation) return;
        if (!last) count(metrics, operation, { result: BROKE_OFF });
        const code = last?.error_code;
        const failed =
          last?.result === 'success' ? undefined : (last?.error_message ?? last?.result ?? BROKE_OFF);
        span.end(
          { 'rtm.result': last?.result ?? BROKE_OFF, ...(code ? { 'rtm.error_code': code } : {}) },
          failed,
        );
      },
    };
  };
}

function count(metrics: Metrics, { opKind, opSource, acceptedAt }: Operation, report: Ended): void {
  // The bounds of the labels keep out what is no code; see bounded-labels.ts.
  const code = (report.error_code ?? 'none') as 'none';
  if (report.result === 'success' || report.result === 'failure') {
    const outcome = report.result;
    metrics.count('operations', { op_kind: opKind, op_source: opSource, outcome, error_code: code });
    metrics.time('operationDuration', seconds(Date.now() - acceptedAt), { op_kind: opKind, outcome });
    return;
  }
  const reason = RETRY_REASONS[report.result] ?? 'handed_over';
  metrics.count('retries', { op_kind: opKind, reason, error_code: code });
}

/** Two clocks may be apart: no time is negative. */
const seconds = (ms: number): number => Math.max(0, ms) / 1_000;
