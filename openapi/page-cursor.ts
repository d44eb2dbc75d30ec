import { RuntimeError } from '../lib/errors.ts';
import { isGameId } from '../lib/game-id.ts';
import type { HistoryPlace } from '../sql/operation-history.ts';
import { isOperationId } from './operation-id.ts';

const encode = (text: string): string => Buffer.from(text).toString('base64url');

/** What a cursor was made of. Throws `invalid_request` for a text that is no encoding of anything. */
function decode(cursor: string): string {
  const text = Buffer.from(cursor, 'base64url').toString();
  if (encode(text) === cursor) return text;
  throw badCursor();
}

/** Opaque to clients: the last game of the page before. */
export const makeCursor = (gameId: string): string => encode(gameId);

/** The game behind which the page begins. Throws `invalid_request` for a cursor that no answer ever gave. */
export function parseCursor(cursor: string | undefined): string | undefined {
  if (cursor === undefined) return undefined;
  const gameId = decode(cursor);
  if (isGameId(gameId)) return gameId;
  throw badCursor();
}

/** Opaque to clients: the game, and the place of its last operation of the page before. */
export const makeOperationCursor = (gameId: string, place: HistoryPlace): string =>
  encode([gameId, place.acceptedMicros, place.operationId].join('/'));

/** The place behind which the page of this game begins. Throws `invalid_request` for a cursor of no such page. */
export function parseOperationCursor(gameId: string, cursor: string | undefined): HistoryPlace | undefined {
  if (cursor === undefined) return undefined;
  const [game, acceptedMicros = '', operationId = '', ...more] = decode(cursor).split('/');
  const isWhole = /^\d{1,16}$/.test(acceptedMicros) && isOperationId(operationId) && more.length === 0;
  if (game === gameId && isWhole) return { acceptedMicros, operationId };
  throw badCursor();
}

/** Opaque to clients: the last letter of the page before. */
export const makeLetterCursor = (letterId: string): string => encode(letterId);

/** The letter behind which the page begins. Throws `invalid_request` for a cursor that no answer ever gave. */
export function parseLetterCursor(cursor: string | undefined): string | undefined {
  if (cursor === undefined) return undefined;
  const letterId = decode(cursor);
  if (/^\d{1,19}-\d{1,19}$/.test(letterId)) return letterId;
  throw badCursor();
}

const badCursor = (): RuntimeError =>
  new RuntimeError(
    'invalid_request',
    'query parameter "cursor" must be the next_cursor of an earlier answer',
  );
