import { existsSync } from 'node:fs';
import { mkdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { startChild } from './child.ts';
import { DEV_DIR, ROOT_DIR } from './paths.ts';
import { stopSignal } from './stop-signal.ts';

/** How many specs passed and failed, and what those that failed said. */
export interface Totals {
  readonly passed: number;
  readonly failed: number;
  readonly failures: readonly string[];
  readonly suites: readonly SuiteTime[];
}

/** How long a suite took, hooks included. */
export interface SuiteTime {
  readonly title: string;
  readonly tookMs: number;
}

/**
 * The whole suite runs in two halves beside each other, each with services of its own: its specs wait for Docker and for
 * processes most of their time. Every spec is in one of the two.
 */
const HALVES = ['test/{chaos,flow}/**/*.spec.ts', 'test/!(chaos|flow)/**/*.spec.ts'] as const;

const STOP_GRACE_MS = 20_000;

const SELECTING = /^(--grep|-g|--fgrep|-f|--file)(=|$)/;

/** Whether the arguments pick some of the specs, so that this is a quick look and not the whole check. */
export function isSelection(args: readonly string[]): boolean {
  return args.some((arg) => SELECTING.test(arg) || isPath(arg));
}

/** Runs mocha with the given arguments on top of ours, and counts. Without a file among them, the whole suite. */
export async function runMocha(args: readonly string[]): Promise<Totals> {
  await mkdir(DEV_DIR, { recursive: true });
  if (args.some(isPath)) return runProcess('mocha', args);
  const [shown, later] = HALVES;
  const logFile = path.join(DEV_DIR, `mocha-${process.pid}.log`);
  const totals = await Promise.all([
    runProcess('mocha-1', [...args, shown]),
    // Two reports at once could not be read.
    runProcess('mocha-2', [...args, later], logFile),
  ]);
  process.stdout.write(await readFile(logFile, 'utf8'));
  await rm(logFile);
  return sum(totals);
}

/** @param logFile takes what it says; without one that is shown at once */
async function runProcess(name: string, args: readonly string[], logFile?: string): Promise<Totals> {
  const statsFile = path.join(DEV_DIR, `${name}-${process.pid}.json`);
  const child = startChild({
    command: [
      process.execPath,
      '--disable-warning=ExperimentalWarning',
      path.join(ROOT_DIR, 'node_modules/mocha/bin/mocha.js'),
      ...['--reporter', './dev/mocha-reporter.ts'],
      ...args,
    ],
    cwd: ROOT_DIR,
    env: { ...process.env, RTM_TEST_STATS: statsFile },
    ...(logFile === undefined ? {} : { logFile }),
  });
  // SIGINT lets mocha finish the spec at hand and run its teardown, which stops the containers.
  stopSignal().addEventListener('abort', () => void child.stop('SIGINT', STOP_GRACE_MS));
  const { code } = await child.exited;
  try {
    return withExitCode(await readTotals(statsFile), code);
  } finally {
    await rm(statsFile, { force: true });
  }
}

const sum = (all: readonly Totals[]): Totals => ({
  passed: all.reduce((count, { passed }) => count + passed, 0),
  failed: all.reduce((count, { failed }) => count + failed, 0),
  failures: all.flatMap(({ failures }) => failures),
  suites: all.flatMap(({ suites }) => suites),
});

/** A run that ended badly has a failure, even when every spec passed: a leak, or a crash on the way. */
function withExitCode(totals: Totals, code: number | null): Totals {
  return code === 0 ? totals : { ...totals, failed: Math.max(1, totals.failed) };
}

async function readTotals(statsFile: string): Promise<Totals> {
  try {
    return JSON.parse(await readFile(statsFile, 'utf8'));
  } catch {
    return { passed: 0, failed: 1, failures: ['mocha ended before it could tell'], suites: [] };
  }
}

function isPath(arg: string): boolean {
  return !arg.startsWith('-') && (existsSync(path.resolve(ROOT_DIR, arg)) || arg.endsWith('.spec.ts'));
}
