import { type ChildProcess, spawn } from 'node:child_process';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { findOnPath } from '../../dev/machine/find-on-path.mjs';
import { CACHE_DIR } from '../../dev/paths.ts';
import { eventually } from './eventually.ts';
import type { RtmVariables } from './rtm-env.ts';

const MAIN = fileURLToPath(new URL('../../main.ts', import.meta.url));
const UP_MS = 60_000;

/** How a process ended, and how long after it was told to. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly tookMs: number;
}

/** A Runtime Manager as operators run it: a process, its variables, its log. */
export interface Replica {
  readonly pid: number;
  /** Its log lines so far. */
  readonly lines: readonly Readonly<Record<string, unknown>>[];
  /** What it wrote to stderr so far. */
  readonly stderr: string;
  readonly exited: Promise<Exit>;
  /** Where its internal listener is reached, once it is up; '' before. */
  readonly url: string;
  /** Waits for a log line that begins so. */
  logged(message: string): Promise<void>;
  /** Sends a signal that ends nothing, such as SIGSTOP. */
  signal(signal: NodeJS.Signals): void;
  /** Sends the signal and waits for the end. */
  end(signal: NodeJS.Signals): Promise<Exit>;
}

/** Starts `node main.ts`, of this version or of `main`, with these variables and no others, and waits until it is up. */
export async function startReplica(variables: RtmVariables, main = MAIN): Promise<Replica> {
  const replica = spawnReplica(variables, main);
  const died = replica.exited.then(({ code, signal }) => {
    throw new Error(`the replica ended with ${signal ?? code} while it started: ${replica.stderr}`);
  });
  await Promise.race([replica.logged('Runtime Manager is up'), died]);
  return replica;
}

/** The same without waiting. The kernel kills it when this process dies. */
export function spawnReplica(
  variables: RtmVariables,
  main = MAIN,
  nodeFlags: readonly string[] = [],
): Replica {
  const tie = findOnPath('setpriv') ? ['setpriv', '--pdeathsig', 'KILL', '--'] : [];
  const [program = '', ...args] = [...tie, process.execPath, ...nodeFlags, main];
  const child = spawn(program, args, {
    // Compiling the sources anew takes longer than everything else that a replica does until it is up.
    env: { PATH: process.env.PATH, NODE_COMPILE_CACHE: path.join(CACHE_DIR, 'compiled'), ...variables },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const lines: Record<string, unknown>[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => lines.push(JSON.parse(line)));
  let stderr = '';
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  let askedAtMs = performance.now();
  const exited = endOf(child).then((end) => ({ ...end, tookMs: performance.now() - askedAtMs }));
  return {
    pid: child.pid ?? 0,
    lines,
    get stderr() {
      return stderr;
    },
    exited,
    get url() {
      return String(lines.find((line) => line.message === 'Runtime Manager is up')?.url ?? '');
    },
    async logged(message) {
      try {
        await eventually(() => lines.some((line) => String(line.message).startsWith(message)), {
          what: `"${message}" in the log of the replica`,
          timeoutMs: UP_MS,
          intervalMs: 10,
        });
      } catch (cause) {
        throw new Error(`the replica never said "${message}", but ${JSON.stringify(lines.at(-1))}`, {
          cause,
        });
      }
    },
    signal: (signal) => void child.kill(signal),
    end(signal) {
      askedAtMs = performance.now();
      child.kill(signal);
      return exited;
    },
  };
}

async function endOf(child: ChildProcess): Promise<Pick<Exit, 'code' | 'signal'>> {
  const { promise, resolve, reject } = Promise.withResolvers<Pick<Exit, 'code' | 'signal'>>();
  child.once('error', reject);
  // `close` and not `exit`: all that it wrote has been read by then.
  child.once('close', (code, signal) => resolve({ code, signal }));
  return promise;
}
