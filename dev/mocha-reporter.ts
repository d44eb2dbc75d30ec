import { writeFileSync } from 'node:fs';
import Mocha from 'mocha';

/**
 * The spec reporter, which also writes mocha's own numbers to the file that RTM_TEST_STATS names: whoever
 * started mocha learns them even when the process is killed afterwards.
 */
export default class SpecAndStats extends Mocha.reporters.Spec {
  constructor(runner: Mocha.Runner, options?: Mocha.MochaOptions) {
    super(runner, options);
    runner.once(Mocha.Runner.constants.EVENT_RUN_END, () => {
      const file = process.env.RTM_TEST_STATS;
      if (file) writeFileSync(file, JSON.stringify(this.stats));
    });
  }
}
