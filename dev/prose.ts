// npm run prose [-- path …]: checks sentences and words of README, docs/ and the comments of the code.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { ROOT_DIR } from './paths.ts';
import { lintProse } from './prose/lint-prose.ts';

const PROSE = /\.(?:md|ts|js|mjs|mts)$/;

const wanted = process.argv.length > 2 ? process.argv.slice(2) : ['.'];
const files = execFileSync('git', ['ls-files', '--', ...wanted], { cwd: ROOT_DIR, encoding: 'utf8' })
  .split('\n')
  .filter((name) => PROSE.test(name) && name !== 'CHANGELOG.md');

let faults = 0;
for (const name of files) {
  for (const { line, message } of await lintProse(name, readFileSync(path.join(ROOT_DIR, name), 'utf8'))) {
    console.log(`${name}:${line} ${message}`);
    faults += 1;
  }
}
console.log(`${faults} faults in ${files.length} files`);
process.exitCode = faults > 0 ? 1 : 0;
