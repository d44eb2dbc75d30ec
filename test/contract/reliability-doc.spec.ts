import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'chai';
import { ROOT_DIR } from '../../dev/paths.ts';
import { tokensOf } from '../helpers/source-tokens.ts';

const read = (file: string): string => readFileSync(path.join(ROOT_DIR, file), 'utf8');

/** Every title of a spec; what a template fills in stands as `…`. */
function titlesOf(file: string): Set<string> {
  const tokens = tokensOf(read(file));
  const titles = new Set<string>();
  for (const [index, { text }] of tokens.entries()) {
    if (!['it', 'describe'].includes(text) || tokens[index + 1]?.text !== '(') continue;
    titles.add(titleAt(tokens.slice(index + 2)));
  }
  return titles;
}

function titleAt(tokens: ReturnType<typeof tokensOf>): string {
  const [first] = tokens;
  if (first?.literal !== undefined) return first.literal;
  const pieces = tokens.filter(({ text }) => /^[`}]/.test(text));
  const end = pieces.findIndex(({ text }) => text.endsWith('`') && text !== '`');
  return pieces
    .slice(0, end + 1)
    .map(({ text }) => text.replace(/^[`}]|`$|\$\{$/g, ''))
    .join('…');
}

const document = read('docs/reliability.md');
const lines = document.split('\n');
const named = lines.flatMap((line) =>
  [...line.matchAll(/\]\(\.\.\/(test\/[^)]+)\) \*([^*]+)\*/g)].map(([, file = '', title = '']) => ({
    line,
    file,
    title,
  })),
);

describe('the tests that docs/reliability.md names', () => {
  it('are read from it', () => {
    expect(named).to.have.length.above(50);
  });

  for (const file of new Set(named.map((one) => one.file))) {
    it(`exist in ${file}`, () => {
      const titles = titlesOf(file);
      const gone = named.filter((one) => one.file === file && !titles.has(one.title));
      expect(gone.map(({ title }) => title)).to.deep.equal([]);
    });
  }

  for (let row = 1; row <= 20; row += 1) {
    it(`prove the rule of failure mode ${row}, and say so`, () => {
      const tests = named.filter(({ line }) => line.startsWith(`| ${row} |`));
      expect(tests).not.to.deep.equal([]);
      for (const { title } of tests)
        expect(title)
          .to.match(/failure modes? /)
          .and.match(new RegExp(`\\b${row}\\b`));
    });
  }
});
