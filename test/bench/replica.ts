import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { SERVICE_FLAGS } from '../../dev/bootstrap/node-flags.mjs';
import type { RtmVariables } from '../helpers/rtm-env.ts';
import { rssOf } from './process-figures.ts';

const MAIN = fileURLToPath(new URL('../../main.ts', import.meta.url));
/** As `npm start` has it. */
const COMPILED = fileURLToPath(new URL('../../.cache/compiled', import.meta.url));
/** So long after it is up, nothing of the start is under way any more. */
const SETTLE_MS = 3_000;

export interface Replica extends AsyncDisposable {
  readonly process: ChildProcess;
  /** Where its internal listener is reached. */
  readonly url: string;
  readonly idleRssBytes: number;
  /** What it has warned of so far, and worse. */
  readonly warnings: readonly string[];
}

interface ReplicaOptions {
  /** What stands before it on its command line, such as `taskset -c 0`. */
  readonly prefix?: readonly string[];
  /** Flags of Node's beside its own. */
  readonly flags?: readonly string[];
}

/**
 * Starts the service as `npm start` does, waits until it is up and idle, and weighs it; disposing of it ends it. What is
 * loaded into it can talk to us as a forked process does.
 */
export async function startReplica(
  variables: RtmVariables,
  { prefix = [], flags = [] }: ReplicaOptions = {},
): Promise<Replica> {
  const [program = '', ...args] = [...prefix, process.execPath, ...SERVICE_FLAGS, ...flags, MAIN];
  const child = spawn(program, args, {
    env: { ...process.env, NODE_COMPILE_CACHE: COMPILED, ...variables },
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  const exited = once(child, 'exit');
  if (!child.stdout) throw new Error('a pipe was asked for');
  const lines = createInterface({ input: child.stdout });
  const up = Promise.withResolvers<string>();
  const warnings: string[] = [];
  lines.on('line', (line) => {
    const { level, message, url } = JSON.parse(line);
    if (level === 'warn' || level === 'error') warnings.push(message);
    if (message === 'Runtime Manager is up') up.resolve(url);
  });
  child.once('exit', (code) => up.reject(new Error(`the replica ended with ${code}`)));
  const url = await up.promise;
  await delay(SETTLE_MS);
  return {
    process: child,
    url,
    idleRssBytes: await rssOf(child.pid ?? 0),
    warnings,
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM');
      await exited;
    },
  };
}
