import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, open, readFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import type Docker from 'dockerode';
import { DEV_DIR } from '../paths.ts';
import { SetUpError } from '../steps.ts';
import { dockerVersion, isDockerdRunning } from './daemon.ts';

const run = promisify(execFile);

const START_TIMEOUT_MS = 30_000;
const LOCK_FILE = '/run/rtm-dockerd.lock';
const LOCK_IS_TAKEN = 75;
const LOG_FILE = path.join(DEV_DIR, 'dockerd.log');

/**
 * Starts the Docker Engine (only when no daemon runs), waits until it answers and returns its version. It stays
 * up afterwards.
 */
export async function startDocker(docker: Docker, dockerd: string): Promise<string> {
  let hasFailed = (): boolean => false;
  if (existsSync('/run/systemd/system')) await run('systemctl', ['start', 'docker']);
  else if (!(await isDockerdRunning())) hasFailed = await spawnDockerd(dockerd);

  const deadline = performance.now() + START_TIMEOUT_MS;
  for (;;) {
    try {
      return await dockerVersion(docker);
    } catch {
      if (hasFailed() || performance.now() > deadline) throw new SetUpError(await whyNot());
      await delay(50);
    }
  }
}

/**
 * Starts the daemon in a session of its own, so that it outlives us and no Ctrl-C reaches it. What is returned
 * tells whether it has ended again.
 */
async function spawnDockerd(dockerd: string): Promise<() => boolean> {
  await mkdir(DEV_DIR, { recursive: true });
  const log = await open(LOG_FILE, 'a');
  // The lock makes two runs that begin together start one daemon; the loser waits for the winner's.
  const lock = ['--nonblock', '--close', '--conflict-exit-code', String(LOCK_IS_TAKEN), LOCK_FILE];
  const child = spawn('flock', [...lock, dockerd], {
    detached: true,
    cwd: '/',
    stdio: ['ignore', log.fd, log.fd],
  });
  let hasFailed = false;
  child.on('exit', (code) => {
    hasFailed = code !== LOCK_IS_TAKEN;
  });
  child.on('error', () => {
    hasFailed = true;
  });
  child.unref();
  await log.close();
  return () => hasFailed;
}

async function whyNot(): Promise<string> {
  if (!(await isDockerdRunning())) {
    const lines = (await readFile(LOG_FILE, 'utf8').catch(() => '')).trim().split('\n').slice(-5).join('\n');
    return `dockerd did not start; the end of ${LOG_FILE}:\n${lines}`;
  }
  return 'a dockerd runs but does not answer at /var/run/docker.sock: set DOCKER_HOST to where it listens';
}
