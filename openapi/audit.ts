import type { DatabasePool } from 'slonik';
import { makePathValidator, makeQueryValidator } from '../lib/contracts.ts';
import { RuntimeError } from '../lib/errors.ts';
import { parseGameId } from '../lib/game-id.ts';
import { isKnownGame, listHistory } from '../sql/operation-history.ts';
import { getOperation } from '../sql/operation-log.ts';
import { inTime } from './in-time.ts';
import { isOperationId } from './operation-id.ts';
import { makeOperationCursor, parseOperationCursor } from './page-cursor.ts';
import { renderOperation } from './render.ts';
import type { Routes } from './route.ts';

/** What was asked for, from acceptance to outcome. */
export function makeAuditRoutes(db: DatabasePool): Routes {
  const parseQuery = makeQueryValidator('internalListOperations');
  const parsePath = makePathValidator('internalGetOperation');

  return {
    async internalListOperations(request, response) {
      const gameId = parseGameId(String(request.params.game_id));
      const query = parseQuery(request.query);
      if (!query.ok) throw new RuntimeError('invalid_request', query.message);
      const { limit, cursor } = query.values;
      const after = parseOperationCursor(gameId, cursor);
      // One more than asked for tells whether there is another page.
      const found = await inTime(listHistory(db, { gameId, limit: limit + 1, after }));
      if (found.length === 0 && !(await inTime(isKnownGame(db, gameId)))) {
        throw new RuntimeError('not_found', `Nothing was ever asked for game ${gameId} here`);
      }
      const page = found.slice(0, limit);
      const last = page.at(-1);
      response.json({
        items: page.map(renderOperation),
        next_cursor: last && found.length > limit ? makeOperationCursor(gameId, last) : null,
      });
    },

    async internalGetOperation(request, response) {
      const path = parsePath(request.params);
      if (!path.ok) throw new RuntimeError('invalid_request', path.message);
      const id = String(request.params.operation_id);
      const found = isOperationId(id) ? await inTime(getOperation(db, id)) : null;
      if (!found) throw new RuntimeError('not_found', 'There is no operation of that id');
      response.json(renderOperation(found));
    },
  };
}
