import { execFile } from 'node:child_process';
import { performance } from 'node:perf_hooks';
import { promisify } from 'node:util';
import { docker, GAME_IMAGE } from '../helpers/docker.ts';
import type { TestWorld } from '../helpers/rtm-env.ts';

const run = promisify(execFile);
const LIMITS = ['--memory', '512m', '--cpus', '1', '--pids-limit', '512'];
const HARDENING = ['--init', '--cap-drop', 'ALL', '--security-opt', 'no-new-privileges'];

/** `docker run -d` of what RTM would create for a game, without its mount and labels. */
export async function commandStart(
  world: TestWorld,
  name: string,
): Promise<{ readonly tookMs: number; remove(): Promise<unknown> }> {
  const place = ['--network', world.network.name, '--name', name];
  const startedMs = performance.now();
  await run('docker', ['run', '-d', ...LIMITS, ...HARDENING, ...place, GAME_IMAGE]);
  const tookMs = performance.now() - startedMs;
  return { tookMs, remove: () => docker.getContainer(name).remove({ force: true }) };
}
