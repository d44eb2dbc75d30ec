import type Docker from 'dockerode';
import type { DockerConnection } from './connection.ts';
import { CALL_DEADLINE_MS } from './deadlines.ts';
import { LOG_TAIL, makeLogTail } from './log-tail.ts';
import { DockerStatusError } from './map-error.ts';

/**
 * The end of what a container wrote to stdout and stderr, oldest line first. Null where there is nothing to be read:
 * not every log driver can, and a container that is being removed has no log any more.
 *
 * @param container `tty`: whether it has a terminal, whose log has another form
 */
export async function readLogTail(
  connection: DockerConnection,
  container: { readonly id: string; readonly tty: boolean },
  signal: AbortSignal,
): Promise<string[] | null> {
  try {
    return await connection.call('read logs', CALL_DEADLINE_MS.look, signal, async (docker, abortSignal) => {
      const tail = makeLogTail(container);
      for await (const chunk of await openLogs(docker, container.id, abortSignal)) tail.push(chunk);
      return tail.end();
    });
  } catch (error) {
    if (error instanceof DockerStatusError) return null;
    throw error;
  }
}

/** The library's own method collects the whole answer before it says a word; this one is read as it comes. */
function openLogs(docker: Docker, id: string, abortSignal: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
  const { promise, resolve, reject } = Promise.withResolvers<AsyncIterable<Uint8Array>>();
  docker.modem.dial(
    {
      path: `/containers/${id}/logs?`,
      method: 'GET',
      isStream: true,
      statusCodes: { 200: true },
      options: { stdout: true, stderr: true, tail: LOG_TAIL.lines },
      abortSignal,
    },
    (error, answer) => (error ? reject(error) : resolve(answer as AsyncIterable<Uint8Array>)),
  );
  return promise;
}
