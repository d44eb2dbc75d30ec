import { expect } from 'chai';
import { importsOf, tokensOf } from '../helpers/source-tokens.ts';

const found = (source: string) => importsOf(source).map(({ from, line, typeOnly }) => [from, line, typeOnly]);

describe('the reader of import statements', () => {
  const cases: readonly [what: string, source: string, expected: [string, number, boolean][]][] = [
    ['a default import', `import a from 'x';`, [['x', 1, false]]],
    ['names', `import { a, type B as C } from "x";`, [['x', 1, false]]],
    ['a default and names', `import a, { b } from 'x'`, [['x', 1, false]]],
    ['a namespace', `import * as a from 'x';`, [['x', 1, false]]],
    ['a type', `import type { A } from 'x';`, [['x', 1, true]]],
    ['a default type', `import type A from 'x';`, [['x', 1, true]]],
    ['something called type', `import type from 'x';`, [['x', 1, false]]],
    ['an effect', `import 'x';`, [['x', 1, false]]],
    ['an attribute', `import a from 'x.json' with { type: 'json' };`, [['x.json', 1, false]]],
    ['names over several lines', `\n\nimport {\n  a,\n  b,\n} from 'x';`, [['x', 3, false]]],
    [
      'an export',
      `export { a } from 'x'; export * from 'y'; export * as b from 'z';`,
      [
        ['x', 1, false],
        ['y', 1, false],
        ['z', 1, false],
      ],
    ],
    ['an export of types', `export type { A } from 'x';`, [['x', 1, true]]],
    ['a call', `const a = await import('x');`, [['x', 1, false]]],
    ['the type of a module', `let a: import('x').A;`, [['x', 1, false]]],
    [
      'require',
      `import a = require('x'); require('y');`,
      [
        ['x', 1, false],
        ['y', 1, false],
      ],
    ],
    ['something behind a regular expression', `const a = /['"\`/*]/;\nimport 'x';`, [['x', 2, false]]],
    ['something behind a division', `const a = b / c / d;\nimport 'x';`, [['x', 2, false]]],
    [
      'something inside of a template',
      `const a = \`\${{ b: await import("x") }}\`;\nimport "y";`,
      [
        ['x', 1, false],
        ['y', 2, false],
      ],
    ],
    [
      'something inside of a template in a template',
      `const a = \`\${\`\${await import("x")}\`} \`; import "y";`,
      [
        ['x', 1, false],
        ['y', 1, false],
      ],
    ],
  ];
  for (const [what, source, expected] of cases) {
    it(`finds ${what}`, () => {
      expect(found(source)).to.deep.equal(expected);
    });
  }

  for (const [what, source] of [
    ['a comment', `// import 'x';\n/* import 'y'; */\n/** @import {A} from 'z' */`],
    ['a text', `const a = "import 'x'"; const b = 'import("y")';`],
    ['a template', `const a = \`import "x"; \${b} import("y")\`;`],
    ['a regular expression', `const a = /import 'x'/; return /import("y")/;`],
    ['a property', `a.import('x'); import.meta.url; a.require('y');`],
    [
      'an export of its own',
      `export const from = 'x'; export { a }; export default 'y'; export function b() {}`,
    ],
    ['an exported type of its own', `export type A = 'x' | 'y'; export interface B { from: 'x' }`],
    ['a computed module', `import(name); require(name);`],
  ] as const) {
    it(`does not take ${what} for an import`, () => {
      expect(found(source)).to.deep.equal([]);
    });
  }

  it('leaves comments and the inside of literals out of the tokens', () => {
    const tokens = tokensOf(`a /* as any */ = "console.log"; // console.log\n\`as any \${b}\``);
    expect(tokens.map((token) => token.text)).to.deep.equal([
      'a',
      '=',
      '"console.log"',
      ';',
      `\`as any \${`,
      'b',
      '}`',
    ]);
  });
});
