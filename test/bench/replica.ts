import { type ChildProcess, spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { SERVICE_FLAGS } from '../../dev/bootstrap/node-flags.mjs';
import type { RtmVariables } from '../helpers/rtm-env.ts';

const MAIN = fileURLToPath(new URL('../../main.ts', import.meta.url));
/** As `npm start` has it. */
const COMPILED = fileURLToPath(new URL('../../.cache/compiled', import.meta.url));
/** So long after it is up, nothing of the start is under way any more. */
const SETTLE_MS = 3_000;

export interface Replica {
  readonly process: ChildProcess;
  readonly idleRssBytes: number;
}

/** Starts the service as `npm start` does, waits until it is up and idle, and weighs it. */
export async function startReplica(variables: RtmVariables): Promise<Replica> {
  const child = spawn(process.execPath, [...SERVICE_FLAGS, MAIN], {
    env: { ...process.env, NODE_COMPILE_CACHE: COMPILED, ...variables },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout });
  const up = Promise.withResolvers<void>();
  lines.on('line', (line) => {
    if (JSON.parse(line).message === 'Runtime Manager is up') up.resolve();
  });
  child.once('exit', (code) => up.reject(new Error(`the replica ended with ${code}`)));
  await up.promise;
  await delay(SETTLE_MS);
  return { process: child, idleRssBytes: await rssOf(child.pid ?? 0) };
}

async function rssOf(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024;
}
