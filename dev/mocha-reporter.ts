import { writeFileSync } from 'node:fs';
import Mocha from 'mocha';
import type { SuiteTime, Totals } from './run-mocha.ts';

/**
 * The spec reporter, which also writes what came of it to the file that RTM_TEST_STATS names: whoever started mocha
 * learns it even when the process is killed afterwards.
 */
export default class SpecAndStats extends Mocha.reporters.Spec {
  constructor(runner: Mocha.Runner, options?: Mocha.MochaOptions) {
    super(runner, options);
    const failures: string[] = [];
    runner.on(Mocha.Runner.constants.EVENT_TEST_FAIL, (test, error) => {
      failures.push(`${test.fullTitle()}: ${error.message}`);
    });
    const suites: SuiteTime[] = [];
    let beganMs = 0;
    // Those at the top, with all that their hooks do: making a world takes longer than many a test in it.
    runner.on(Mocha.Runner.constants.EVENT_SUITE_BEGIN, ({ parent }) => {
      if (parent?.root) beganMs = performance.now();
    });
    runner.on(Mocha.Runner.constants.EVENT_SUITE_END, ({ parent, title }) => {
      if (parent?.root) suites.push({ title, tookMs: performance.now() - beganMs });
    });
    runner.once(Mocha.Runner.constants.EVENT_RUN_END, () => {
      const file = process.env.RTM_TEST_STATS;
      const totals: Totals = { passed: this.stats.passes, failed: this.stats.failures, failures, suites };
      if (file) writeFileSync(file, JSON.stringify(totals));
    });
  }
}
