import { JOB_STREAMS, RECONCILE_ACTIONS } from './label-sets.ts';
import type { Metrics } from './metrics.ts';

/** The operations that tell of an engine which ended, or a container which went, without having been asked to. */
const DEATHS = ['reconcile_exit', 'reconcile_dispose'] as const;

/**
 * Counts nothing, once, where a single count is worth an alarm. Prometheus sees an increase only in a series that was
 * there before, so that the first dead letter or death after a start would go unseen.
 */
export function beginCounters({ countMany }: Pick<Metrics, 'countMany'>): void {
  for (const stream of JOB_STREAMS) countMany('deadLetters', 0, { stream });
  for (const reason of ['expired', 'taken'] as const) countMany('leasesLost', 0, { reason });
  countMany('renewalsFailed', 0);
  for (const action of RECONCILE_ACTIONS) countMany('reconcileActions', 0, { action });
  countMany('eventsMissed', 0);
  for (const op_kind of DEATHS) {
    countMany('operations', 0, {
      op_kind,
      op_source: 'auto_reconcile',
      outcome: 'success',
      error_code: 'none',
    });
  }
}
