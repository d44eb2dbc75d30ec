import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type Docker from 'dockerode';
import { CACHE_DIR } from '../paths.ts';
import { readProgress } from './progress.ts';

/** How long a registry may take until it sends the first line about an image; the layers may take longer. */
const ANSWER_TIMEOUT_MS = 4_000;

/** How long "no registry answers" is believed, so that the next run does not wait for the same answer. */
const BELIEF_MS = 60 * 60 * 1_000;

const NOTE_FILE = path.join(CACHE_DIR, 'no-registry');

/** Pulls an ordinary image if a registry answers soon; false when none does, or when it failed on the way. */
export async function tryPull(docker: Docker, image: string): Promise<boolean> {
  if (await isKnownToBeSilent()) return false;
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), ANSWER_TIMEOUT_MS);
  try {
    const progress: NodeJS.ReadableStream = await docker.pull(image, { abortSignal: abort.signal });
    await readProgress(progress, () => clearTimeout(timer));
    await rm(NOTE_FILE, { force: true });
    return true;
  } catch (error) {
    await mkdir(CACHE_DIR, { recursive: true });
    await writeFile(NOTE_FILE, `${error instanceof Error ? error.message : String(error)}\n`);
    return false;
  } finally {
    clearTimeout(timer);
  }
}

/** What was said when an image could not be pulled, for messages. */
export async function whyNoRegistry(): Promise<string> {
  return (await readFile(NOTE_FILE, 'utf8').catch(() => 'not tried')).trim();
}

async function isKnownToBeSilent(): Promise<boolean> {
  const noted = await stat(NOTE_FILE).catch(() => undefined);
  return noted !== undefined && Date.now() - noted.mtimeMs < BELIEF_MS;
}
