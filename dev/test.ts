// npm test: the set-up, types, lint, unused code, then every spec. Arguments go to mocha; those that pick specs
// (a file, --grep) leave the checks out. The last line is always `N passed, N failed`.
import { CHECKS, passes } from './check.ts';
import type { Totals } from './run-mocha.ts';
import { isSelection, runMocha } from './run-mocha.ts';
import { SetUpError } from './steps.ts';
import { Stopped } from './stop-signal.ts';
import { setUpForTests } from './test-set-up.ts';

/** Suites that are named in the end, for whoever wants the whole to be faster. */
const SLOWEST = 12;

const args = process.argv.slice(2);
const failedChecks: string[] = [];
let totals: Totals = { passed: 0, failed: 1, failures: [], suites: [] };

try {
  await setUpForTests();
  for (const check of isSelection(args) ? [] : CHECKS) {
    if (!(await passes(check))) failedChecks.push(check.name);
  }
  totals = await runMocha(args);
} catch (error) {
  console.error(error instanceof SetUpError || error instanceof Stopped ? error.message : error);
}

const slowest = totals.suites.toSorted((left, right) => right.tookMs - left.tookMs).slice(0, SLOWEST);
if (totals.suites.length > SLOWEST) {
  console.log(
    `the slowest: ${slowest.map(({ title, tookMs }) => `${title} (${(tookMs / 1_000).toFixed(0)} s)`).join('; ')}`,
  );
}
for (const failure of totals.failures) console.log(`failed: ${failure}`);
if (failedChecks.length > 0) console.log(`not passed: ${failedChecks.join(', ')}`);
console.log(`${totals.passed} passed, ${totals.failed} failed`);
process.exitCode = totals.failed > 0 || failedChecks.length > 0 ? 1 : 0;
