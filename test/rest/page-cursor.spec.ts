import { expect } from 'chai';
import fc from 'fast-check';
import { RuntimeError } from '../../lib/errors.ts';
import { isGameId } from '../../lib/game-id.ts';
import {
  makeCursor,
  makeOperationCursor,
  parseCursor,
  parseOperationCursor,
} from '../../openapi/page-cursor.ts';
import { hostileGameId, hostileString, hostileTime } from '../helpers/hostile-text.ts';

const gameId = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/).filter(isGameId);
const place = fc.record({
  acceptedMicros: fc.nat(Number.MAX_SAFE_INTEGER).map(String),
  operationId: fc.uuid(),
});
const base64 = (text: string): string => Buffer.from(text).toString('base64url');

/** What was read; undefined when it was refused as a client's mistake. */
function readOrRefused<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof RuntimeError && error.code === 'invalid_request') return undefined;
    throw error;
  }
}

describe('the cursor of a page', () => {
  it('leads back to what it was made of, and stays within its form', () => {
    fc.assert(
      fc.property(gameId, place, (game, at) => {
        const cursors = [makeCursor(game), makeOperationCursor(game, at)];
        for (const cursor of cursors) expect(cursor).to.match(/^[A-Za-z0-9_.~=-]{1,512}$/);
        expect(parseCursor(cursors[0])).to.equal(game);
        expect(parseOperationCursor(game, cursors[1])).to.deep.equal(at);
      }),
    );
  });

  it('of one game is none of another, and of one list none of the other', () => {
    fc.assert(
      fc.property(gameId, gameId, place, (game, other, at) => {
        fc.pre(game !== other);
        expect(readOrRefused(() => parseOperationCursor(other, makeOperationCursor(game, at)))).to.equal(
          undefined,
        );
        expect(readOrRefused(() => parseOperationCursor(game, makeCursor(game)))).to.equal(undefined);
        expect(readOrRefused(() => parseCursor(makeOperationCursor(game, at)))).to.equal(undefined);
      }),
    );
  });

  it('is refused, or is one that could have been made, whatever a client sends', () => {
    const sent = fc.oneof(
      hostileString,
      hostileGameId.map(base64),
      fc.tuple(hostileGameId, hostileTime, hostileString).map((parts) => base64(parts.join('/'))),
      fc.tuple(gameId, hostileTime, fc.uuid()).map((parts) => base64(parts.join('/'))),
    );
    fc.assert(
      fc.property(sent, gameId, (cursor, game) => {
        const behind = readOrRefused(() => parseCursor(cursor));
        if (behind !== undefined) expect(makeCursor(behind)).to.equal(cursor);
        const at = readOrRefused(() => parseOperationCursor(game, cursor));
        if (at !== undefined) expect(makeOperationCursor(game, at)).to.equal(cursor);
      }),
      { numRuns: 500 },
    );
  });
});
