import { abortable, type DockerConnection } from './connection.ts';
import { CALL_DEADLINE_MS } from './deadlines.ts';

/** Asks the daemon whether it is there; rejects with `docker_unavailable` when it does not say so in time. */
export async function ping(connection: DockerConnection, signal: AbortSignal): Promise<void> {
  await connection.call('ping', CALL_DEADLINE_MS.ping, signal, (docker, abortSignal) =>
    abortable(docker).ping({ abortSignal }),
  );
}
