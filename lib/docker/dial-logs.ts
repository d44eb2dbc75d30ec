import type Docker from 'dockerode';

/** Which part of a log, in the words of Docker. */
export interface LogQuery {
  readonly tail: number | 'all';
  readonly follow?: true;
  /** A time in front of each entry. */
  readonly timestamps?: true;
  /** Entries from this moment on: seconds since the epoch, a point and nine digits. */
  readonly since?: string;
}

/** The library's own method collects the whole answer before it says a word; this one is read as it comes. */
export function dialLogs(
  docker: Docker,
  id: string,
  query: LogQuery,
  abortSignal: AbortSignal,
): Promise<AsyncIterable<Uint8Array>> {
  const { promise, resolve, reject } = Promise.withResolvers<AsyncIterable<Uint8Array>>();
  docker.modem.dial(
    {
      path: `/containers/${id}/logs?`,
      method: 'GET',
      isStream: true,
      statusCodes: { 200: true },
      options: { stdout: true, stderr: true, ...query },
      abortSignal,
    },
    (error, answer) => (error ? reject(error) : resolve(answer as AsyncIterable<Uint8Array>)),
  );
  return promise;
}
