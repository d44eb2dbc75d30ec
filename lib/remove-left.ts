import { operationOf } from './docker/container.ts';
import type { AttemptDocker } from './docker/docker.ts';
import { DockerStatusError } from './docker/map-error.ts';
import { OperationFailure } from './effects.ts';
import { isRetried, RuntimeError, toRuntimeError } from './errors.ts';
import { parseGameId } from './game-id.ts';
import type { Logger } from './logger.ts';
import type { Operation } from './operation.ts';
import { endsAttemptOnly } from './store-away-error.ts';

/** True for a failure that ends its operation: neither left to another attempt nor tried again. */
export function isFinal(thrown: unknown): boolean {
  const error = thrown instanceof OperationFailure ? thrown.error : thrown;
  if (endsAttemptOnly(error)) return false;
  return !isRetried(toRuntimeError(error));
}

interface LeftoverTools {
  readonly operation: Operation;
  readonly docker: AttemptDocker;
  readonly log: Logger;
}

/**
 * Runs the part of an operation that may create a container. When it fails for good, and the attempt before got
 * further than this one (which another configuration or another host stopped early), nothing of that one stays; the
 * failure says where Docker refuses to remove it. While Docker does not answer the operation is run again.
 */
export async function withoutLeftovers<T>(tools: LeftoverTools, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!tools.operation.rollbackPending || !isFinal(error)) throw error;
    const stuck = await removeLeft(tools);
    throw stuck.length === 0 ? error : alsoTelling(error, stuck.join('; '));
  }
}

/** Removes what earlier attempts at the operation created, and returns what Docker says of those that it keeps. */
async function removeLeft({ operation, docker, log }: LeftoverTools): Promise<string[]> {
  const stuck: string[] = [];
  for (const left of await docker.listGame(parseGameId(operation.gameId))) {
    if (operationOf(left) !== operation.operationId) continue;
    log.warn('removing the container of an earlier attempt', { container_id: left.id });
    try {
      await docker.remove(left.id);
    } catch (error) {
      if (!(error instanceof DockerStatusError)) throw error;
      log.error('the container of an earlier attempt stays', { container_id: left.id, error });
      stuck.push(`container ${left.id} of an earlier attempt could not be removed: ${error.message}`);
    }
  }
  return stuck;
}

function alsoTelling(thrown: unknown, what: string): Error {
  const first = toRuntimeError(thrown instanceof OperationFailure ? thrown.error : thrown);
  const error = new RuntimeError(first.code, `${first.message}; ${what}`, { cause: thrown });
  return thrown instanceof OperationFailure ? new OperationFailure(error, thrown.aftermath) : error;
}
