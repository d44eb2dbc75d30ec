import Docker from 'dockerode';
import { dockerHost } from './machine/docker.mjs';

/**
 * The Docker Engine of development and tests: RTMANAGER_DOCKER_HOST, DOCKER_HOST, or the usual socket.
 *
 * Whichever it is becomes DOCKER_HOST, since testcontainers and the Docker CLI know only that one.
 */
export function makeDocker(): Docker {
  process.env.DOCKER_HOST = dockerHost();
  return new Docker();
}

/** Runs a removal and takes "there is no such thing" (or "it is being removed already") for success. */
export async function ignoreGone(removal: Promise<unknown>): Promise<void> {
  try {
    await removal;
  } catch (error) {
    const status = statusCode(error);
    if (status !== 404 && status !== 409) throw error;
  }
}

/** The HTTP status of an error that came from Docker. */
export function statusCode(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null || !('statusCode' in error)) return undefined;
  return typeof error.statusCode === 'number' ? error.statusCode : undefined;
}
