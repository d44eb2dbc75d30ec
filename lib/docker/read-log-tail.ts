import type { DockerConnection } from './connection.ts';
import { CALL_DEADLINE_MS } from './deadlines.ts';
import { dialLogs } from './dial-logs.ts';
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
      const log = await dialLogs(docker, container.id, { tail: LOG_TAIL.lines }, abortSignal);
      for await (const chunk of log) tail.push(chunk);
      return tail.end();
    });
  } catch (error) {
    if (error instanceof DockerStatusError) return null;
    throw error;
  }
}
