import { Router } from 'express';
import type { DatabasePool } from 'slonik';
import { makeSemaphore } from '../lib/semaphore.ts';
import { makeSingleFlight } from '../lib/single-flight.ts';
import { countFleet, type FleetCounts } from '../sql/fleet-counts.ts';
import { type FleetRow, listFleet } from '../sql/fleet-page.ts';
import { parseFleetQuery } from './fleet-query.ts';
import { inTime } from './in-time.ts';

/** Consoles keep each other waiting, and nobody else: one of them at a time holds one connection of REST. */
const PARALLEL_READS = 1;

/** What the console shows and the contract does not have. It comes and goes with the page, and is nobody else's. */
export function makeConsoleData(db: DatabasePool): Router {
  const router = Router({ caseSensitive: true, strict: true });
  const reads = makeSemaphore(PARALLEL_READS);
  const counts = makeSingleFlight<'fleet', FleetCounts>();

  router.get('/fleet', async (_request, response) => {
    // Many consoles that ask at one time have one answer.
    const counted = await inTime(counts.run('fleet', () => reads.run(() => inTime(countFleet(db)))));
    response.json(renderCounts(counted));
  });

  router.get('/games', async (request, response) => {
    const query = parseFleetQuery(request.query);
    const { total, rows } = await inTime(reads.run(() => inTime(listFleet(db, query))));
    response.json({ total, items: rows.map(renderRow) });
  });
  return router;
}

const time = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString());

const renderCounts = ({ games, queue }: FleetCounts) => ({
  games,
  queue: { queued: queue.queued, running: queue.running, oldest_queued_at: time(queue.oldestQueuedAt) },
});

const renderRow = ({ lastOperation: last, ...row }: FleetRow) => ({
  game_id: row.gameId,
  status: row.status,
  health: row.health,
  attention: row.attention,
  image_ref: row.imageRef,
  started_at: time(row.startedAt),
  last_op_at: time(row.lastOpAt),
  last_operation: last && {
    op_kind: last.opKind,
    status: last.status,
    outcome: last.outcome,
    error_code: last.errorCode,
    at: time(last.at),
  },
});
