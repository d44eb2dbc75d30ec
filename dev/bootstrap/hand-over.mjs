import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import path from 'node:path';
import { SCRIPT_FLAGS, SERVICE_FLAGS } from './node-flags.mjs';
import { capture } from './process.mjs';

const FORWARDED = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'];

/** A second signal of one kind within this time is the same key press, come by way of npm as well. */
const SAME_SIGNAL_MS = 300;

/** Runs a TypeScript file under that Node as if it were this process: signals go in, exit code or signal come out. */
export async function handOver(node, entry, args) {
  // In a process group of its own the child gets each signal from here, once. In ours, a Ctrl-C would reach it from
  // the terminal, from npm and from here, and "once more" means "at once" to a service that shuts down.
  const flags = entry === 'main.ts' ? SERVICE_FLAGS : SCRIPT_FLAGS;
  const command = [...(await tie()), node, ...flags, entry, ...args];
  // Compiled sources are kept: it saves every later start the type stripper, in time and in memory.
  const compiled = process.env.NODE_COMPILE_CACHE ?? path.resolve('.cache/compiled');
  const env = {
    ...process.env,
    NODE_COMPILE_CACHE: compiled,
    PATH: `${path.dirname(node)}${path.delimiter}${process.env.PATH ?? ''}`,
  };
  const child = spawn(command[0], command.slice(1), { stdio: 'inherit', detached: true, env });
  const lastSentAt = new Map();
  for (const signal of FORWARDED) {
    process.on(signal, () => {
      if (Date.now() - (lastSentAt.get(signal) ?? 0) < SAME_SIGNAL_MS) return;
      lastSentAt.set(signal, Date.now());
      child.kill(signal);
    });
  }
  const { code, signal } = await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (exitCode, exitSignal) => resolve({ code: exitCode, signal: exitSignal }));
  });
  if (signal === null) process.exit(code ?? 1);
  // Whoever started us sees the end that the child had.
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
  setTimeout(() => process.exit(128 + constants.signals[signal]), 500);
}

/** Makes the kernel end the child when this process is killed before it can pass that on; Linux only. */
async function tie() {
  const prefix = ['setpriv', '--pdeathsig', 'TERM', '--'];
  return (await capture(prefix[0], [...prefix.slice(1), 'echo', 'works'])) ? prefix : [];
}
