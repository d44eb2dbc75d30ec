// Runs the scenarios that are named, or all of them, in full, and puts their figures into docs/reliability.md. Ends with
// 1 when anything was lost, doubled or left behind.
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { ROOT_DIR } from '../../dev/paths.ts';
import { stopServices } from '../helpers/services.ts';
import { replaceTable } from './reliability-table.ts';
import type { ChaosFigures, Scenario } from './scenario.ts';
import { scenarios } from './scenarios/index.ts';

const REPORT = path.join(ROOT_DIR, 'docs/reliability.md');

/** A scenario may be played in pieces; lines that are none of the piece stay. */
const piece = process.env.RTM_CHAOS_ROWS === undefined ? undefined : new RegExp(process.env.RTM_CHAOS_ROWS);
const isElsewhere = (what: string): boolean => piece !== undefined && !piece.test(what);

const names = process.argv.slice(2);
const known = scenarios.map((one) => one.name);
const unknown = names.filter((name) => !known.includes(name));
if (unknown.length > 0) {
  console.error(`There is no scenario ${JSON.stringify(unknown[0])}; there are: ${known.join(', ')}`);
  process.exit(1);
}

function write(scenario: Scenario, figures: readonly ChaosFigures[], stays: (what: string) => boolean): void {
  writeFileSync(REPORT, replaceTable(readFileSync(REPORT, 'utf8'), scenario, figures, stays));
}

await using stack = new AsyncDisposableStack();
stack.defer(stopServices);
let violations = 0;
for (const scenario of scenarios.filter((one) => names.length === 0 || names.includes(one.name))) {
  console.log(`\n${scenario.title}`);
  const figures = await scenario.run(
    'full',
    (progress) => console.log(`  ${progress}`),
    (complete) => write(scenario, complete, () => true),
  );
  for (const { what, violations: found } of figures) {
    violations += found.length;
    for (const violation of found) console.error(`  ${what}: ${violation.kind}: ${violation.what}`);
  }
  write(scenario, figures, isElsewhere);
}
console.log(violations === 0 ? '\nnothing lost, nothing doubled' : `\n${violations} violations`);
process.exitCode = violations === 0 ? 0 : 1;
