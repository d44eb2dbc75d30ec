import path from 'node:path';
import { SCRIPT_FLAGS } from './bootstrap/node-flags.mjs';
import { type ChildSpec, startChild } from './child.ts';
import { ROOT_DIR } from './paths.ts';
import { stopSignal } from './stop-signal.ts';

const STOP_GRACE_MS = 20_000;

/**
 * Runs a TypeScript file (from the root of the repository) and returns its exit code; a Ctrl-C of ours ends it.
 *
 * @param listening what else is to hear of its output
 */
export async function runScript(
  file: string,
  args: readonly string[],
  listening: Pick<ChildSpec, 'onOutput'> = {},
): Promise<number> {
  stopSignal().throwIfAborted();
  const entry = path.join(ROOT_DIR, file);
  const command = [process.execPath, ...SCRIPT_FLAGS, entry, ...args];
  const child = startChild({ command, cwd: ROOT_DIR, ...listening });
  const stop = () => void child.stop('SIGINT', STOP_GRACE_MS);
  stopSignal().addEventListener('abort', stop);
  const { code } = await child.exited;
  stopSignal().removeEventListener('abort', stop);
  return code ?? 1;
}
