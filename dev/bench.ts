// npm run bench: the set-up of the tests, then the benchmarks, which print their numbers and assert nothing. With a
// name first, only that one runs, and takes what follows the name.
import path from 'node:path';
import { SCRIPT_FLAGS } from './bootstrap/node-flags.mjs';
import { startChild } from './child.ts';
import { ROOT_DIR } from './paths.ts';
import { SetUpError } from './steps.ts';
import { Stopped, stopSignal } from './stop-signal.ts';
import { setUpForTests } from './test-set-up.ts';

/** Files of test/bench/, in the order in which they run. */
const BENCHMARKS = ['start', 'rest', 'starts-beside-reads', 'hanging-pulls', 'deaths', 'probe', 'reconcile'];
const STOP_GRACE_MS = 20_000;

const [name, ...rest] = process.argv.slice(2);
if (name !== undefined && !BENCHMARKS.includes(name)) {
  console.error(`There is no benchmark ${JSON.stringify(name)}; there are: ${BENCHMARKS.join(', ')}`);
  process.exit(1);
}

try {
  await setUpForTests();
  for (const one of name ? [name] : BENCHMARKS) {
    console.log(`\n${one}`);
    process.exitCode = await run(one);
    if (process.exitCode !== 0) break;
  }
} catch (error) {
  process.exitCode = 1;
  console.error(error instanceof SetUpError || error instanceof Stopped ? error.message : error);
}

async function run(benchmark: string): Promise<number> {
  stopSignal().throwIfAborted();
  const entry = path.join(ROOT_DIR, 'test/bench', `${benchmark}.ts`);
  const bench = startChild({ command: [process.execPath, ...SCRIPT_FLAGS, entry, ...rest], cwd: ROOT_DIR });
  const stop = () => void bench.stop('SIGINT', STOP_GRACE_MS);
  stopSignal().addEventListener('abort', stop);
  const { code } = await bench.exited;
  stopSignal().removeEventListener('abort', stop);
  return code ?? 1;
}
