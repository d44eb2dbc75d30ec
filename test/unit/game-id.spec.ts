import { join, relative } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { RuntimeError } from '../../lib/errors.ts';
import { isGameId, parseGameId } from '../../lib/game-id.ts';
import { hostileGameId } from '../helpers/hostile-text.ts';

describe('game id', () => {
  for (const text of ['a', '7', 'game-1', 'Game_1.2', 'a.', 'a-', '0'.repeat(128)]) {
    it(`takes ${text.slice(0, 20)}`, () => {
      expect(isGameId(text)).to.equal(true);
      expect(parseGameId(text)).to.equal(text);
    });
  }

  const refused = [
    '',
    '-a',
    '.a',
    '_a',
    'a..b',
    'a/b',
    '../a',
    'a b',
    'a\n',
    'ä',
    'a\0',
    'a:b',
    '0'.repeat(129),
  ];
  for (const text of refused) {
    it(`refuses ${JSON.stringify(text.slice(0, 20))}`, () => {
      expect(isGameId(text)).to.equal(false);
      expect(() => parseGameId(text))
        .to.throw(RuntimeError, 'a letter or digit, then up to 127')
        .with.property('code', 'invalid_request');
    });
  }

  for (const value of [undefined, null, 7, ['a']]) {
    it(`is never ${JSON.stringify(value)}`, () => expect(isGameId(value)).to.equal(false));
  }

  it('quotes what it refuses on one line, cut short', () => {
    expect(() => parseGameId(`\n${'x'.repeat(1_000)}`)).to.throw(
      /^game_id "\\nx{139}…" is not valid; [^\n]+$/,
    );
  });

  it('is made of plain characters only, whatever looks like them', () => {
    fc.assert(
      fc.property(hostileGameId, (text) => {
        if (!isGameId(text)) {
          expect(() => parseGameId(text))
            .to.throw(RuntimeError)
            .with.property('code', 'invalid_request');
          return;
        }
        expect(encodeURIComponent(text)).to.equal(text);
        expect(Buffer.byteLength(text)).to.equal(text.length).and.to.be.within(1, 128);
      }),
      { numRuns: 500 },
    );
  });

  it('never leads out of the directory it is joined to', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'aZ0._-/\\') }), (text) => {
        if (!isGameId(text)) return;
        expect(relative('/root', join('/root', text))).to.equal(text);
      }),
    );
  });
});
