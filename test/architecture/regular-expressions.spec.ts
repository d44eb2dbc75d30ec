import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'chai';
import { checkSync } from 'recheck';
import { ROOT_DIR } from '../../dev/paths.ts';
import { productFiles } from '../helpers/product-files.ts';
import { tokensOf } from '../helpers/source-tokens.ts';

const LITERAL = /^\/(.+)\/([a-z]*)$/s;

describe('regular expressions', () => {
  for (const file of productFiles()) {
    const source = readFileSync(path.join(ROOT_DIR, file), 'utf8');
    const literals = tokensOf(source).filter(({ text }) => text.length > 2 && LITERAL.test(text));
    if (literals.length === 0) continue;
    it(`take time in proportion to the length of the text: ${file}`, () => {
      for (const { text, line } of literals) {
        const [, pattern = '', flags = ''] = LITERAL.exec(text) ?? [];
        const { status } = checkSync(pattern, flags, { timeout: 20_000 });
        expect(status, `${file}:${line} ${text}`).not.to.equal('vulnerable');
      }
    });
  }
});
