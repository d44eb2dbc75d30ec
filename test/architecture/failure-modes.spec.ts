import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { tokensOf } from '../helpers/source-tokens.ts';

/** The rows of failure-modes.md, each of whose rules has its test. */
const WRITTEN = Array.from({ length: 20 }, (_, index) => index + 1);

const TESTS = fileURLToPath(new URL('../', import.meta.url));

/** Every `it` or `describe` of the suite whose title names a row, by that row. */
function titlesByRow(): Map<number, string[]> {
  const rows = new Map<number, string[]>();
  for (const name of readdirSync(TESTS, { recursive: true, encoding: 'utf8' })) {
    if (!name.endsWith('.spec.ts') || name.startsWith('architecture')) continue;
    const tokens = tokensOf(readFileSync(path.join(TESTS, name), 'utf8'));
    for (const [index, { text, line }] of tokens.entries()) {
      if (tokens[index + 1]?.text !== '(' || !['it', 'describe'].includes(text)) continue;
      for (const row of rowsIn(titleFrom(tokens.slice(index + 2).map((token) => token.text)))) {
        rows.set(row, [...(rows.get(row) ?? []), `${name}:${line}`]);
      }
    }
  }
  return rows;
}

/** A title in quotes is one token, a template one for each piece around its placeholders; a comma ends both. */
const titleFrom = (texts: readonly string[]): string => texts.slice(0, texts.indexOf(',')).join(' ');

const rowsIn = (title: string): number[] =>
  [...title.matchAll(/failure mode (\d+)/g)].map((match) => Number(match[1]));

describe('the known failure modes of container managers (failure-modes.md)', () => {
  const rows = titlesByRow();

  for (const row of WRITTEN) {
    it(`has a test that proves the rule of row ${row}`, () => {
      expect(rows.get(row) ?? [], `no title says "failure mode ${row}"`).to.have.length.above(0);
    });
  }

  it('names no row that there is none of', () => {
    expect([...rows.keys()].filter((row) => row < 1 || row > 20)).to.deep.equal([]);
  });
});
