import type Docker from 'dockerode';
import { RuntimeError } from '../errors.ts';
import type { DockerConnection } from './connection.ts';
import { CALL_DEADLINE_MS } from './deadlines.ts';
import { isOwnTrouble } from './map-error.ts';

/**
 * Asks Docker something. Where nothing was learnt, nothing may follow from it: an answer that can not be read, or one
 * that says that the daemon itself is in trouble, is `docker_unavailable` and asked for again. Any other error status is
 * passed on.
 */
export async function look<T>(
  connection: DockerConnection,
  verb: string,
  signal: AbortSignal,
  ask: (docker: Docker, abortSignal: AbortSignal) => Promise<T>,
): Promise<T> {
  try {
    const answer = await connection.call(verb, CALL_DEADLINE_MS.look, signal, ask);
    // What is no JSON comes from the library as its bytes, which would pass for a list, and no bytes for an empty one.
    if (!Buffer.isBuffer(answer)) return answer;
    throw new RuntimeError('docker_unavailable', `Docker's answer to "${verb}" is no JSON`, {
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
