import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { DEV_DIR } from '../paths.ts';
import { isDeadSession, SESSION } from '../session.ts';

const OWNER_FILE = 'session';

/** Where the logs of a run that failed are kept, until the next one fails. */
export const LAST_FAILURE_DIR = path.join(DEV_DIR, 'last-failure');

/** Makes a run's directory for logs and data, and removes those of runs that were killed. */
export async function makeRunDirectory(name: string): Promise<string> {
  await sweep();
  const dir = path.join(DEV_DIR, name);
  await mkdir(dir, { recursive: true });
  await writeFile(path.join(dir, OWNER_FILE), SESSION);
  return dir;
}

/** Keeps the logs of a run aside, for whoever looks into its failure. */
export async function keepLogs(dir: string): Promise<void> {
  await rm(LAST_FAILURE_DIR, { recursive: true, force: true });
  await mkdir(LAST_FAILURE_DIR, { recursive: true });
  for (const file of await readdir(dir)) {
    if (file.endsWith('.log')) await cp(path.join(dir, file), path.join(LAST_FAILURE_DIR, file));
  }
}

async function sweep(): Promise<void> {
  for (const entry of await readdir(DEV_DIR).catch(() => [])) {
    const dir = path.join(DEV_DIR, entry);
    const owner = await readFile(path.join(dir, OWNER_FILE), 'utf8').catch(() => '');
    if (isDeadSession(owner)) await rm(dir, { recursive: true, force: true });
  }
}
