import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { startDocker } from '../../dev/docker-engine/start-docker.ts';
import { findOnPath } from '../../dev/machine/find-on-path.mjs';
import { SESSION, SESSION_LABEL } from '../../dev/session.ts';
import { docker } from '../helpers/docker.ts';
import { eventually } from '../helpers/eventually.ts';

const PID_FILE = '/var/run/docker.pid';
/** Of the containerd that dockerd brings along; there is none where the system has one of its own. */
const CONTAINERD_PID_FILE = '/var/run/docker/containerd/containerd.pid';
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
  const pids = await Promise.all([PID_FILE, CONTAINERD_PID_FILE].map(readPid));
  const dockerd = findOnPath('dockerd');
  if (!dockerd) throw new Error('there is no dockerd on PATH to start again');
  const [pid = 0] = pids;
  process.kill(pid, signal);
  // A new dockerd would take a containerd that is about to die for one to go on with.
  await eventually(() => pids.every((one) => one === undefined || !existsSync(`/proc/${one}`)), {
    what: 'dockerd and its containerd to end',
    timeoutMs: ENDED_MS,
  });
  await meanwhile();
  await startDocker(docker, dockerd);
}

const readPid = async (file: string): Promise<number | undefined> =>
  existsSync(file) ? Number(await readFile(file, 'utf8')) : undefined;
