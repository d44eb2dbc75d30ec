import type { ChildProcess, SpawnOptions } from 'node:child_process';
import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { findOnPath } from './machine/find-on-path.mjs';

/** How a child ended: one of the two is set. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A process that lives no longer than this one. */
export interface Child {
  readonly pid: number | undefined;
  readonly exited: Promise<Exit>;
  /** Asks it to end, and kills it when it has not after `graceMs`. */
  stop(signal: NodeJS.Signals, graceMs: number): Promise<Exit>;
}

/** What to start. */
export interface ChildSpec {
  readonly command: readonly string[];
  /** The file that takes stdout and stderr; without one they are ours. */
  readonly logFile?: string;
  /** Is told what goes to stdout, which is ours all the same. */
  readonly onOutput?: (text: string) => void;
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** What the kernel sends it when we die without saying so. */
  readonly deathSignal?: 'TERM' | 'INT';
  /** What stands before the death signal is armed, such as a change of user, which would disarm it. */
  readonly prefix?: readonly string[];
}

/** Starts a child that the kernel ends when this process dies, however it dies. */
export function startChild(spec: ChildSpec): Child {
  const tie = findOnPath('setpriv') ? ['setpriv', '--pdeathsig', spec.deathSignal ?? 'TERM', '--'] : [];
  const [program = '', ...args] = [...(spec.prefix ?? []), ...tie, ...spec.command];
  // An inherited stderr would hold the pipe of whoever started us open; children get a file instead.
  const log = spec.logFile ? openSync(spec.logFile, 'a') : undefined;
  const output = log ?? (spec.onOutput ? 'pipe' : 'inherit');
  const options: SpawnOptions = { stdio: ['ignore', output, log ?? 'inherit'] };
  if (spec.env) options.env = spec.env;
  if (spec.cwd) options.cwd = spec.cwd;
  const child = spawn(program, args, options);
  if (log !== undefined) closeSync(log);
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    process.stdout.write(text);
    spec.onOutput?.(text);
  });
  const exited = exitOf(child);
  return {
    pid: child.pid,
    exited,
    async stop(signal, graceMs) {
      child.kill(signal);
      const late = delay(graceMs, undefined, { ref: false }).then(() => child.kill('SIGKILL'));
      await Promise.race([exited, late]);
      return exited;
    },
  };
}

/** The last lines of a log, for a message about the child that wrote it. */
export async function tailOf(logFile: string, lines = 12): Promise<string> {
  const text = await readFile(logFile, 'utf8').catch(() => '');
  return text.trim().split('\n').slice(-lines).join('\n');
}

async function exitOf(child: ChildProcess): Promise<Exit> {
  return new Promise((resolve) => {
    child.once('error', () => resolve({ code: 127, signal: null }));
    child.once('exit', (code, signal) => resolve({ code, signal }));
  });
}
