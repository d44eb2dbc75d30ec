import { type CommonQueryMethods, sql } from 'slonik';
import { z } from 'zod';
import type { HashRange } from '../lib/tick-slice.ts';

const dueProbe = z.strictObject({
  gameId: z.string(),
  containerId: z.string(),
  endpoint: z.string(),
  network: z.string(),
  /** Epoch milliseconds. */
  startedAt: z.number().nullable(),
  phase: z.number(),
  /** Its last probe failed. */
  isFailing: z.boolean(),
});
export type DueProbe = z.infer<typeof dueProbe>;

/** The running games whose phase lies in the range, in the order of their phases. */
export function findDueProbes(db: CommonQueryMethods, { from, to }: HashRange): Promise<readonly DueProbe[]> {
  return db.any(sql.type(dueProbe)`
    select record.game_id as "gameId", current_container_id as "containerId", engine_endpoint as endpoint,
      docker_network as network, started_at as "startedAt", hashtext(record.game_id) as phase,
      counter.game_id is not null as "isFailing"
    from rtmanager.runtime_records as record
    left join rtmanager.probe_counters as counter on counter.game_id = record.game_id
    where status = 'running' and hashtext(record.game_id) between ${from} and ${to}
    order by hashtext(record.game_id)`);
}
