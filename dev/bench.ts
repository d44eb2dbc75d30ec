// npm run bench: sets up like the tests, then runs the benchmarks. They print figures and assert nothing. Each output
// is also written to docs/benchmarks/. With a name, only that benchmark runs and takes the arguments behind the name.
import { reportBenchmark } from './report-benchmark.ts';
import { runScript } from './run-script.ts';
import { SetUpError } from './steps.ts';
import { Stopped } from './stop-signal.ts';
import { setUpForTests } from './test-set-up.ts';

/** Files of test/bench/, in the order in which they run. */
const BENCHMARKS = [
  'start',
  'stop',
  'storm',
  'rest',
  'starts-beside-reads',
  'starts-beside-operators',
  'hanging-pulls',
  'downtime',
  'deaths',
  'probe',
  'reconcile',
  'overhead',
  'growth',
  'backlog',
  'hostile-entries',
  'operator-reads',
  'console',
];

const [name, ...rest] = process.argv.slice(2);
if (name !== undefined && !BENCHMARKS.includes(name)) {
  console.error(`There is no benchmark ${JSON.stringify(name)}; there are: ${BENCHMARKS.join(', ')}`);
  process.exit(1);
}

try {
  await setUpForTests();
  for (const one of name ? [name] : BENCHMARKS) {
    console.log(`\n${one}`);
    let output = '';
    process.exitCode = await runScript(`test/bench/${one}.ts`, rest, {
      onOutput: (text) => {
        output += text;
      },
    });
    if (process.exitCode !== 0) break;
    await reportBenchmark([one, ...rest], output);
  }
} catch (error) {
  process.exitCode = 1;
  console.error(error instanceof SetUpError || error instanceof Stopped ? error.message : error);
}
