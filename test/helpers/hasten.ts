import type { DockerConnection } from '../../lib/docker/connection.ts';

/** A connection whose deadlines come sooner, so that a test can see one pass. */
export interface HastenedConnection extends DockerConnection {
  /** The deadlines that were asked for, by verb, before they were shortened. */
  readonly asked: ReadonlyMap<string, number>;
}

/** Divides every call's deadline; `factor` 100 makes 100 ms of ten seconds. */
export function hasten(connection: DockerConnection, factor = 100): HastenedConnection {
  const asked = new Map<string, number>();
  return {
    asked,
    call(verb, deadlineMs, signal, run) {
      asked.set(verb, deadlineMs);
      return connection.call(verb, Math.ceil(deadlineMs / factor), signal, run);
    },
  };
}
