// npm run stats: how large the parts of the repository are, and how far its prose is from the rules.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { ROOT_DIR } from './paths.ts';
import { lintProse } from './prose/lint-prose.ts';

const PRODUCT = /^(?:(?:lib|sql|queues|handlers|openapi)\/.*|app|main)\.ts$/;
const TOOLS = /^(?:test\/)?(?:bench|chaos)\//;

const files = execFileSync('git', ['ls-files'], { cwd: ROOT_DIR, encoding: 'utf8' })
  .split('\n')
  .filter(Boolean);
const read = (name: string): string => readFileSync(path.join(ROOT_DIR, name), 'utf8');
const linesOf = (names: readonly string[]): number =>
  names.reduce((sum, name) => sum + read(name).split('\n').length - 1, 0);

const pages = files.filter((name) => name === 'README.md' || /^docs\/.*\.md$/.test(name));
const product = files.filter((name) => PRODUCT.test(name));
const tests = files.filter((name) => /^test\/.*\.(?:ts|mjs)$/.test(name) && !TOOLS.test(name));
const loose = files.filter((name) => /^(?:lib|sql|queues|openapi)\/[^/]+\.ts$/.test(name));
let faults = 0;
for (const name of [...pages, ...product]) faults += (await lintProse(name, read(name))).length;

console.log(`loose files in lib, sql, queues and openapi  ${loose.length}`);
console.log(`lines of the product                         ${linesOf(product)} in ${product.length} files`);
console.log(`lines of the tests, without bench and chaos  ${linesOf(tests)} in ${tests.length} files`);
console.log(
  `words of README and docs                     ${pages.reduce((sum, name) => sum + read(name).split(/\s+/).filter(Boolean).length, 0)}`,
);
console.log(`lines of app.ts                              ${linesOf(['app.ts'])}`);
console.log(`prose faults in README, docs and the product ${faults}`);
