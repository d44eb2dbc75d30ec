// npm run bench: the set-up of the tests, then the benchmark, which prints its numbers and asserts nothing.
import path from 'node:path';
import { SCRIPT_FLAGS } from './bootstrap/node-flags.mjs';
import { startChild } from './child.ts';
import { ROOT_DIR } from './paths.ts';
import { SetUpError } from './steps.ts';
import { Stopped, stopSignal } from './stop-signal.ts';
import { setUpForTests } from './test-set-up.ts';

const STOP_GRACE_MS = 20_000;

try {
  await setUpForTests();
  const entry = path.join(ROOT_DIR, 'test/bench/start.ts');
  const node = [process.execPath, ...SCRIPT_FLAGS];
  const bench = startChild({ command: [...node, entry, ...process.argv.slice(2)], cwd: ROOT_DIR });
  stopSignal().addEventListener('abort', () => void bench.stop('SIGINT', STOP_GRACE_MS));
  process.exitCode = (await bench.exited).code ?? 1;
} catch (error) {
  process.exitCode = 1;
  console.error(error instanceof SetUpError || error instanceof Stopped ? error.message : error);
}
