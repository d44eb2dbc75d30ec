import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { ROOT_DIR } from './paths.ts';

const run = promisify(execFile);

/** A check that looks at the sources and runs nothing of them. */
export interface Check {
  readonly name: string;
  readonly command: readonly string[];
}

/** The checks that come before the tests, in the order of what is most worth knowing first. */
export const CHECKS: readonly Check[] = [
  { name: 'Types', command: ['tsc', '--noEmit'] },
  { name: 'Types of the console', command: ['tsc', '--noEmit', '--project', 'console'] },
  { name: 'Lint', command: ['biome', 'check', '.'] },
  { name: 'Unused code', command: ['knip', '--no-progress'] },
];

/** Runs one check, prints a line about it and what it said if it failed; true when it passed. */
export async function passes(check: Check): Promise<boolean> {
  const startedAt = performance.now();
  const [program = '', ...args] = check.command;
  const env = { ...process.env, NO_COLOR: '1' };
  const said = await run(path.join(ROOT_DIR, 'node_modules/.bin', program), args, {
    env,
    cwd: ROOT_DIR,
    maxBuffer: 1 << 26,
  }).then(
    () => undefined,
    (error: Error & { stdout?: string; stderr?: string }) =>
      `${error.stdout ?? ''}${error.stderr ?? ''}` || error.message,
  );
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  console.log(`${said === undefined ? '✓' : '✗'} ${check.name} (${check.command.join(' ')}, ${seconds} s)`);
  if (said !== undefined) console.log(said.trimEnd());
  return said === undefined;
}
