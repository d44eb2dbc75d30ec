import { writeFileSync } from 'node:fs';
import Mocha from 'mocha';
import type { Totals } from './run-mocha.ts';

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
    runner.once(Mocha.Runner.constants.EVENT_RUN_END, () => {
      const file = process.env.RTM_TEST_STATS;
      const totals: Totals = { passed: this.stats.passes, failed: this.stats.failures, failures };
      if (file) writeFileSync(file, JSON.stringify(totals));
    });
  }
}
