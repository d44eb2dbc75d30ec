import { execFile } from 'node:child_process';
import { performance } from 'node:perf_hooks';
import { promisify } from 'node:util';
import { GAME_IMAGE } from '../helpers/docker.ts';
import type { TestWorld } from '../helpers/rtm-env.ts';

const run = promisify(execFile);
const LIMITS = ['--memory', '512m', '--cpus', '1', '--pids-limit', '512'];
const HARDENING = ['--init', '--cap-drop', 'ALL', '--security-opt', 'no-new-privileges'];

/** Milliseconds of a `docker run -d` of what RTM would create for a game, without its mount and labels. */
export async function commandStart(world: TestWorld, name: string): Promise<number> {
  const place = ['--network', world.network.name, '--name', name];
  const startedMs = performance.now();
  await run('docker', ['run', '-d', ...LIMITS, ...HARDENING, ...place, GAME_IMAGE]);
  return performance.now() - startedMs;
}
