import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type Docker from 'dockerode';

const ANSWER_TIMEOUT_MS = 3_000;

/** The version of an engine that answers; throws when none does within a few seconds. */
export async function dockerVersion(docker: Docker): Promise<string> {
  const late = delay(ANSWER_TIMEOUT_MS, undefined, { ref: false }).then(() => {
    throw new Error(`no answer within ${ANSWER_TIMEOUT_MS} ms`);
  });
  return (await Promise.race([docker.version(), late])).Version;
}

/** Whether a daemon runs on this host, answering or not. A second one would take the first one's bridge away. */
export async function isDockerdRunning(): Promise<boolean> {
  const ids = (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/.test(name));
  const names = await Promise.all(ids.map((id) => readFile(`/proc/${id}/comm`, 'utf8').catch(() => '')));
  return names.some((name) => name.trim() === 'dockerd');
}
