// npm run chaos: the set-up of the tests, then every scenario of test/chaos/scenarios, whose figures go to
// docs/reliability.md. With names, only those run.
import { runScript } from './run-script.ts';
import { SetUpError } from './steps.ts';
import { Stopped } from './stop-signal.ts';
import { setUpForTests } from './test-set-up.ts';

try {
  await setUpForTests();
  process.exitCode = await runScript('test/chaos/run.ts', process.argv.slice(2));
} catch (error) {
  process.exitCode = 1;
  console.error(error instanceof SetUpError || error instanceof Stopped ? error.message : error);
}
