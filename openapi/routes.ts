import type { Request } from 'express';
import { makeQueryValidator } from '../lib/contracts.ts';
import type { Docker } from '../lib/docker/docker.ts';
import { RuntimeError } from '../lib/errors.ts';
import type { EventFeed } from '../lib/event-feed.ts';
import { parseGameId } from '../lib/game-id.ts';
import { neverStarted } from '../lib/runtime-record.ts';
import { makeAuditRoutes } from './audit.ts';
import { type DeadLetterDeps, makeDeadLetterRoutes } from './dead-letters.ts';
import { makeEventsRoute } from './events.ts';
import { type ExplainDeps, makeExplainRoute } from './explain.ts';
import { makeLogsRoute } from './logs.ts';
import { makeMutations } from './mutations.ts';
import type { OpenStreams } from './open-streams.ts';
import { makeCursor, parseCursor } from './page-cursor.ts';
import { type ReadinessChecks, shareReadiness, withoutDetails } from './readiness.ts';
import { makeReconcilePlanRoute, type PlanReconciliation } from './reconcile-plan.ts';
import { renderRuntime } from './render.ts';
import type { Routes } from './route.ts';
import { makeRuntimeReads } from './runtime-reads.ts';
import { makeStatsRoute } from './stats.ts';

export interface RouteDeps extends DeadLetterDeps, ExplainDeps {
  readonly readiness: ReadinessChecks;
  readonly planReconciliation: PlanReconciliation;
  readonly docker: ExplainDeps['docker'] & Pick<Docker, 'openLog' | 'readStats'>;
  readonly feed: EventFeed;
  readonly streams: OpenStreams;
  /** Whether a caller may read what failures say. */
  readonly mayReadDetails: (request: Request) => boolean;
  /** Every metric in the text format of Prometheus. */
  readonly scrape: () => Promise<string>;
}

/** What serves each operation of the contract, by its id. */
export function makeRoutes(deps: RouteDeps): Routes {
  const { db, docker, feed, streams, mayReadDetails, scrape } = deps;
  const reads = makeRuntimeReads(db);
  const askReadiness = shareReadiness(deps.readiness);
  const parseListQuery = makeQueryValidator('internalListRuntimes');

  return {
    ...makeMutations(deps),
    ...makeAuditRoutes(db),
    internalExplainRuntime: makeExplainRoute(deps),
    ...makeDeadLetterRoutes(deps),
    internalGetReconcilePlan: makeReconcilePlanRoute(deps.planReconciliation),

    internalGetRuntimeLogs: makeLogsRoute({ reads, docker, streams }),
    internalGetRuntimeStats: makeStatsRoute({ reads, docker }),
    internalStreamEvents: makeEventsRoute({ feed, streams }),

    internalHealthz(_request, response) {
      response.json({ status: 'ok' });
    },

    async internalReadyz(request, response) {
      const answer = await askReadiness();
      const shown = mayReadDetails(request) ? answer : withoutDetails(answer);
      response.status(answer.status === 'ready' ? 200 : 503).json(shown);
    },

    async internalMetrics(_request, response) {
      const page = await scrape();
      response.type('text/plain; version=0.0.4; charset=utf-8').send(page);
    },

    async internalListRuntimes(request, response) {
      const query = parseListQuery(request.query);
      if (!query.ok) throw new RuntimeError('invalid_request', query.message);
      const { status, limit, cursor } = query.values;
      // One more than asked for tells whether there is another page.
      const found = await reads.list({ status, limit: limit + 1, after: parseCursor(cursor) });
      const page = found.slice(0, limit);
      const last = page.at(-1);
      response.json({
        items: page.map((runtime) => renderRuntime(runtime, runtime.health)),
        next_cursor: last && found.length > limit ? makeCursor(last.gameId) : null,
      });
    },

    async internalGetRuntime(request, response) {
      const gameId = parseGameId(String(request.params.game_id));
      const runtime = await reads.find(gameId);
      if (!runtime) throw neverStarted(gameId);
      response.json(renderRuntime(runtime, runtime.health));
    },
  };
}
