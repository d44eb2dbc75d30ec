import type Docker from 'dockerode';
import type { z } from 'zod';
import { RuntimeError } from '../errors.ts';
import type { DockerConnection } from './connection.ts';
import { CALL_DEADLINE_MS } from './deadlines.ts';
import { isOwnTrouble } from './map-error.ts';

/** What is asked of Docker, and as much of the answer's form as RTM reads. */
interface Question<T> {
  readonly verb: string;
  /** The library's own types promise what no daemon is held to. */
  readonly form: z.ZodType<T>;
  /** Milliseconds; that of an inspection unless it says otherwise. */
  readonly deadlineMs?: number;
  readonly ask: (docker: Docker, abortSignal: AbortSignal) => Promise<unknown>;
}

/**
 * Asks Docker something. Where nothing was learnt, nothing may follow from it: an answer that can not be read, or one
 * that says that the daemon itself is in trouble, is `docker_unavailable` and asked for again. Any other error status is
 * passed on.
 */
export async function look<T>(
  connection: DockerConnection,
  signal: AbortSignal,
  { verb, form, deadlineMs = CALL_DEADLINE_MS.look, ask }: Question<T>,
): Promise<T> {
  try {
    const answer = await connection.call(verb, deadlineMs, signal, ask);
    // What is no JSON comes from the library as its bytes.
    const read = form.safeParse(Buffer.isBuffer(answer) ? undefined : answer);
    if (read.success) return read.data;
    throw new RuntimeError('docker_unavailable', `Docker's answer to "${verb}" can not be read`, {
      cause: read.error,
      details: { verb },
    });
  } catch (error) {
    throw mapTrouble(verb, error);
  }
}

/** An error status that says that the daemon itself is in trouble as `docker_unavailable`; anything else as it is. */
export function mapTrouble(verb: string, error: unknown): unknown {
  if (!isOwnTrouble(error)) return error;
  return new RuntimeError('docker_unavailable', `Docker failed at "${verb}": ${error.message}`, {
    cause: error,
    details: { verb, status: error.status },
  });
}
