import { type CommonQueryMethods, sql } from 'slonik';
import { z } from 'zod';
import type { ReconcileHold } from '../lib/explain/facts.ts';

const holdRow = z.strictObject({
  observedAt: z.number(),
  daemonChanged: z.boolean(),
  wouldDispose: z.int(),
  running: z.int(),
});

/** Notes what kept a whole pass from disposing any game; null when nothing did. */
export async function noteReconcileHold(db: CommonQueryMethods, hold: ReconcileHold | null): Promise<void> {
  if (!hold) {
    await db.query(sql.unsafe`delete from rtmanager.reconcile_hold`);
    return;
  }
  const { observedAt, daemonChanged, wouldDispose, running } = hold;
  await db.query(sql.unsafe`
    insert into rtmanager.reconcile_hold (observed_at, daemon_changed, would_dispose, running)
    values (to_timestamp(${observedAt}::float8 / 1000), ${daemonChanged}, ${wouldDispose}, ${running})
    on conflict (only_row) do update set observed_at = excluded.observed_at,
      daemon_changed = excluded.daemon_changed, would_dispose = excluded.would_dispose, running = excluded.running`);
}

/** What kept the last whole pass from disposing any game; null when nothing did. */
export function getReconcileHold(db: CommonQueryMethods): Promise<ReconcileHold | null> {
  return db.maybeOne(sql.type(holdRow)`
    select observed_at as "observedAt", daemon_changed as "daemonChanged", would_dispose as "wouldDispose", running
    from rtmanager.reconcile_hold`);
}
