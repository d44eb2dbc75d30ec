import pMap from 'p-map';
import type { Docker } from './docker/docker.ts';
import { DockerStatusError } from './docker/map-error.ts';
import { RuntimeError } from './errors.ts';
import type { DriftStep } from './reconcile-plan.ts';

interface Looking {
  readonly docker: Pick<Docker, 'inspect'>;
  readonly signal: AbortSignal;
}

/** Inspections at once. */
const PARALLEL_LOOKS = 8;
/** One container that wedges its inspection is its own trouble; so many are the daemon's, and each costs a deadline. */
const MOST_UNANSWERED = 8;

/**
 * Inspects what each step is about, once more and by its id: a list is older than what happened since, and absence from
 * it proves nothing (failure-modes.md, row 11).
 *
 * @returns the steps that still hold; those whose container Docker says nothing about are left alone
 * @throws RuntimeError `docker_unavailable` when Docker says nothing about many of them
 */
export async function lookAgain(
  steps: readonly DriftStep[],
  { docker, signal }: Looking,
): Promise<DriftStep[]> {
  let unanswered = 0;

  async function verify(step: DriftStep): Promise<DriftStep[]> {
    const { containerId, containerState } = step;
    if (containerId === null) return [step];
    try {
      const container = await docker.inspect(containerId, signal);
      const now = !container ? 'gone' : container.running ? 'running' : 'not_running';
      return now === containerState ? [step] : [];
    } catch (error) {
      if (!isNoAnswer(error)) throw error;
      unanswered += 1;
      if (unanswered > MOST_UNANSWERED) throw unavailable(error);
      const reason = `Docker did not say how it is now: ${error.message}. ${step.reason}`;
      return [{ ...step, action: 'leave_alone', reason }];
    }
  }

  const verified = await pMap(steps, verify, { concurrency: PARALLEL_LOOKS, signal });
  return verified.flat();
}

const isNoAnswer = (error: unknown): error is Error =>
  error instanceof DockerStatusError ||
  (error instanceof RuntimeError && error.code === 'docker_unavailable');

const unavailable = (error: Error): Error =>
  error instanceof RuntimeError
    ? error
    : new RuntimeError('docker_unavailable', `Docker failed at an inspection: ${error.message}`, {
        cause: error,
      });
