// npm test: the set-up, types, lint, unused code, then every spec. Arguments go to mocha; those that pick specs
// (a file, --grep) leave the checks out. The last line is always `N passed, N failed`.
import { CHECKS, passes } from './check.ts';
import type { Totals } from './run-mocha.ts';
import { isSelection, runMocha } from './run-mocha.ts';
import { SetUpError } from './steps.ts';
import { Stopped } from './stop-signal.ts';
import { setUpForTests } from './test-set-up.ts';

const args = process.argv.slice(2);
const failedChecks: string[] = [];
let totals: Totals = { passed: 0, failed: 1, failures: [] };

try {
  await setUpForTests();
  for (const check of isSelection(args) ? [] : CHECKS) {
    if (!(await passes(check))) failedChecks.push(check.name);
  }
  totals = await runMocha(args);
} catch (error) {
  console.error(error instanceof SetUpError || error instanceof Stopped ? error.message : error);
}

for (const failure of totals.failures) console.log(`failed: ${failure}`);
if (failedChecks.length > 0) console.log(`not passed: ${failedChecks.join(', ')}`);
console.log(`${totals.passed} passed, ${totals.failed} failed`);
process.exitCode = totals.failed > 0 || failedChecks.length > 0 ? 1 : 0;
