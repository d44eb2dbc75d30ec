import { RuntimeError } from '../lib/errors.ts';
import { isGameId } from '../lib/game-id.ts';

/** Opaque to clients: the last game of the page before. */
export const makeCursor = (gameId: string): string => Buffer.from(gameId).toString('base64url');

/** The game behind which the page begins. Throws `invalid_request` for a cursor that no answer ever gave. */
export function parseCursor(cursor: string | undefined): string | undefined {
  if (cursor === undefined) return undefined;
  const gameId = Buffer.from(cursor, 'base64url').toString();
  if (isGameId(gameId)) return gameId;
  throw new RuntimeError(
    'invalid_request',
    'query parameter "cursor" must be the next_cursor of an earlier answer',
  );
}
