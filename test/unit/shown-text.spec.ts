import { expect } from 'chai';
import fc from 'fast-check';
import { MAX_SHOWN_CHARACTERS, toShownText } from '../../lib/shown-text.ts';
import { hostileString } from '../helpers/hostile-text.ts';

describe('shown text', () => {
  it('keeps the beginning of a long text', () => {
    const text = toShownText(`not found: ${'x'.repeat(5_000_000)}`);
    expect(text)
      .to.match(/^not found: x+…$/)
      .and.to.have.length(MAX_SHOWN_CHARACTERS + 1);
  });

  it('keeps no part of a password whose end is cut off', () => {
    for (let padding = 16_300; padding < 16_390; padding += 1) {
      const text = `${'x '.repeat(padding / 2)}postgres://rtm:hunter2${'and-so-on'.repeat(9_000)}@db`;
      expect(toShownText(text, 100_000)).not.to.include('hunter2');
    }
  });

  it('escapes what acts on a terminal, ends a line, or reorders text', () => {
    expect(toShownText('a\x1b[31mb\nWhat to do: x\u009b\u202ec\0')).to.equal(
      'a\\u001b[31mb\\nWhat to do: x\\u009b\\u202ec\\u0000',
    );
  });

  it('is bounded, well formed and without control characters, whatever comes in', () => {
    fc.assert(
      fc.property(fc.array(hostileString), (parts) => {
        const text = toShownText(parts.join(''), 40);
        expect(text.length).to.be.at.most(41);
        expect(text.isWellFormed()).to.equal(true);
        expect(text).not.to.match(/[\p{Cc}\u202e]/u);
      }),
    );
  });
});
