import { z } from 'zod';
import { RuntimeError } from '../errors.ts';
import { abortable, type DockerConnection } from './connection.ts';
import { look } from './look.ts';

/** The daemon behind the address. */
export interface Daemon {
  /** Another one means: other containers, whatever their ids. */
  readonly id: string;
  /** Its own clock, RFC 3339 with nanoseconds. */
  readonly now: string;
}

const info = z.object({ ID: z.string().min(1), SystemTime: z.string().min(1) });

/** Which daemon answers, and what time it has. */
export async function readDaemon(connection: DockerConnection, signal: AbortSignal): Promise<Daemon> {
  const told = info.safeParse(
    await look(connection, 'read daemon', signal, (docker, abortSignal) =>
      abortable(docker).info({ abortSignal }),
    ),
  );
  if (!told.success) {
    throw new RuntimeError('docker_unavailable', 'Docker does not tell its id and its time', {
      cause: told.error,
    });
  }
  return { id: told.data.ID, now: told.data.SystemTime };
}
