import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { startDocker } from '../../dev/docker-engine/start-docker.ts';
import { findOnPath } from '../../dev/machine/find-on-path.mjs';
import { SESSION, SESSION_LABEL } from '../../dev/session.ts';
import { docker } from '../helpers/docker.ts';
import { eventually } from '../helpers/eventually.ts';

const PID_FILE = '/var/run/docker.pid';
const ENDED_MS = 60_000;

/** Throws where a restart would stop containers of somebody else: those on no network of this run. */
export async function assertDaemonIsOurs(): Promise<void> {
  if (!existsSync(PID_FILE))
    throw new Error(`only a dockerd of this machine can be restarted, and there is no ${PID_FILE}`);
  const networks = await docker.listNetworks({ filters: { label: [`${SESSION_LABEL}=${SESSION}`] } });
  const ours = new Set(networks.map(({ Name }) => Name));
  const strangers = (await docker.listContainers()).filter(({ NetworkSettings }) =>
    Object.keys(NetworkSettings.Networks).every((name) => !ours.has(name)),
  );
  if (strangers.length > 0)
    throw new Error(
      `other containers run on this daemon: ${strangers.flatMap(({ Names }) => Names).join(', ')}`,
    );
}

/** Ends the Docker Engine by this signal and, when it is gone, does what is given, and starts it again. */
export async function restartDockerd(
  signal: 'SIGTERM' | 'SIGKILL',
  meanwhile: () => Promise<unknown>,
): Promise<void> {
  const pid = Number(await readFile(PID_FILE, 'utf8'));
  const dockerd = findOnPath('dockerd');
  if (!dockerd) throw new Error('there is no dockerd on PATH to start again');
  process.kill(pid, signal);
  await eventually(() => !existsSync(`/proc/${pid}`), { what: 'dockerd to end', timeoutMs: ENDED_MS });
  await meanwhile();
  await startDocker(docker, dockerd);
}
