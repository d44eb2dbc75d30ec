import type { DockerConnection } from '../docker/connection.ts';
import { DockerStatusError } from '../docker/map-error.ts';
import { RuntimeError } from '../errors.ts';
import type { CallOutcome } from './label-sets.ts';
import type { Metrics } from './metrics.ts';
import type { Tracing } from './tracing.ts';

/** The same connection, each call of which is timed, and a part of the operation that makes it. */
export function watchDocker(
  connection: DockerConnection,
  { metrics, tracing }: { readonly metrics: Metrics; readonly tracing: Tracing },
): DockerConnection {
  return {
    ...connection,
    async call(verb, ...call) {
      const span = tracing.startPart({ name: `docker ${verb}` });
      const startedMs = performance.now();
      const end = (outcome: CallOutcome, failure?: string): void => {
        const seconds = (performance.now() - startedMs) / 1_000;
        // Verbs are words of lib/docker; the bounds of the labels keep out any that the catalogue lacks.
        metrics.time('dockerCallDuration', seconds, { verb: verb as 'ping', outcome });
        span.end({ 'rtm.docker.outcome': outcome }, failure);
      };
      try {
        const answer = await span.within(() => connection.call(verb, ...call));
        end('ok');
        return answer;
      } catch (error) {
        end(outcomeOf(error), error instanceof Error ? error.message : String(error));
        throw error;
      }
    },
  };
}

function outcomeOf(error: unknown): CallOutcome {
  if (error instanceof DockerStatusError) return 'refused';
  if (!(error instanceof RuntimeError)) return 'aborted';
  return error.code === 'docker_unavailable' ? 'unavailable' : 'refused';
}
