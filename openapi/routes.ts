import type { Request, Response } from 'express';
import type { DatabasePool } from 'slonik';
import { makeQueryValidator } from '../lib/contracts.ts';
import { RuntimeError } from '../lib/errors.ts';
import { parseGameId } from '../lib/game-id.ts';
import { getSnapshot, getSnapshots } from '../sql/health-snapshots.ts';
import { getRecord, listRecords } from '../sql/runtime-records.ts';
import { inTime } from './in-time.ts';
import { makeCursor, parseCursor } from './page-cursor.ts';
import { askReadiness, type ReadinessChecks } from './readiness.ts';
import { renderRuntime } from './render.ts';

type Route = (request: Request, response: Response) => Promise<void> | void;

export interface RouteDeps {
  readonly db: DatabasePool;
  readonly readiness: ReadinessChecks;
}

/** What serves each operation of the contract, by its id. */
export function makeRoutes({ db, readiness }: RouteDeps): Readonly<Record<string, Route>> {
  const parseListQuery = makeQueryValidator('internalListRuntimes');

  return {
    internalHealthz(_request, response) {
      response.json({ status: 'ok' });
    },

    async internalReadyz(_request, response) {
      const answer = await askReadiness(readiness);
      response.status(answer.status === 'ready' ? 200 : 503).json(answer);
    },

    async internalListRuntimes(request, response) {
      const query = parseListQuery(request.query);
      if (!query.ok) throw new RuntimeError('invalid_request', query.message);
      const { status, limit, cursor } = query.values;
      // One more than asked for tells whether there is another page.
      const found = await inTime(listRecords(db, { status, limit: limit + 1, after: parseCursor(cursor) }));
      const page = found.slice(0, limit);
      const gameIds = page.map((record) => record.gameId);
      const snapshots = await inTime(getSnapshots(db, gameIds));
      const last = page.at(-1);
      response.json({
        items: page.map((record) => renderRuntime(record, snapshots.get(record.gameId) ?? null)),
        next_cursor: last && found.length > limit ? makeCursor(last.gameId) : null,
      });
    },

    async internalGetRuntime(request, response) {
      const gameId = parseGameId(String(request.params.game_id));
      const [record, snapshot] = await inTime(Promise.all([getRecord(db, gameId), getSnapshot(db, gameId)]));
      if (!record) throw new RuntimeError('not_found', `Game ${gameId} has never been started here`);
      response.json(renderRuntime(record, snapshot));
    },
  };
}
