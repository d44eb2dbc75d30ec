import type { AuthConfig } from 'dockerode';
import { RuntimeError } from '../errors.ts';
import { type ShownText, toShownText } from '../shown-text.ts';
import type { DockerConnection } from './connection.ts';
import { PULL_IDLE_MS } from './deadlines.ts';
import { DockerStatusError } from './map-error.ts';
import { readLines, TOO_LONG } from './read-lines.ts';

/** Of a registry's error; leaves room for a sentence of RTM's own around it. */
const ERROR_CHARACTERS = 1_500;

interface Pull {
  /** The reference as Docker knows it. */
  imageRef: string;
  credentials?: AuthConfig | undefined;
  /** The whole pull, milliseconds. */
  timeoutMs: number;
}

/**
 * Pulls one image. Rejects with `image_pull_failed` when the registry or the daemon says no, or nothing for too
 * long; with `docker_unavailable` when the daemon goes away. The first error line of the stream is the one told.
 */
export async function pullImage(
  connection: DockerConnection,
  { imageRef, credentials, timeoutMs }: Pull,
  signal: AbortSignal,
): Promise<void> {
  const limits = new AbortController();
  const giveUp = (why: string) =>
    limits.abort(new RuntimeError('image_pull_failed', `Pull of ${imageRef} ${why}`));
  const total = setTimeout(giveUp, timeoutMs, `did not finish within ${timeoutMs / 1000} s`);
  const idle = setTimeout(giveUp, PULL_IDLE_MS, `made no progress for ${PULL_IDLE_MS / 1000} s`);
  try {
    const either = AbortSignal.any([signal, limits.signal]);
    // The connection's own deadline lies beyond ours, so that ours can say what was too slow.
    await connection.call('pull image', timeoutMs + PULL_IDLE_MS, either, async (docker, abortSignal) => {
      const options = credentials ? { authconfig: credentials, abortSignal } : { abortSignal };
      const progress = await docker.pull(imageRef, options);
      await readProgress(imageRef, progress, () => idle.refresh());
    });
  } catch (error) {
    if (error instanceof DockerStatusError) throw refused(imageRef, error.message, error);
    throw error;
  } finally {
    clearTimeout(total);
    clearTimeout(idle);
  }
}

const refused = (imageRef: string, why: string, cause?: Error): RuntimeError =>
  new RuntimeError('image_pull_failed', `Pull of ${imageRef} failed: ${why}`, { cause });

/**
 * Reads the progress of a pull to its end. Docker reports failures as lines of a successful answer, and the
 * library's own reader takes them for success and dies of a line that is no JSON; so this one looks at each.
 */
export async function readProgress(
  imageRef: string,
  stream: AsyncIterable<unknown>,
  onLine: () => void,
): Promise<void> {
  for await (const line of readLines(stream)) {
    // Progress is short. What became of the pull, the image says.
    const error = line === TOO_LONG ? undefined : errorOf(line);
    if (error !== undefined) throw refused(imageRef, error);
    onLine();
  }
}

/** The error that a progress line reports; a line that can not be read reports none: the image decides. */
function errorOf(line: string): ShownText | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (typeof parsed !== 'object' || parsed === null) return undefined;
  const { error, errorDetail } = parsed as { error?: unknown; errorDetail?: { message?: unknown } };
  const told = error ?? errorDetail?.message;
  if (told === undefined) return undefined;
  return toShownText(typeof told === 'string' ? told : JSON.stringify(told), ERROR_CHARACTERS);
}
