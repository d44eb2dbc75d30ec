import { z } from 'zod';
import { abortable, type DockerConnection } from './connection.ts';
import { look } from './look.ts';

/** The daemon behind the address. */
export interface Daemon {
  /** Another one means: other containers, whatever their ids. */
  readonly id: string;
  /** Its own clock, RFC 3339 with nanoseconds. */
  readonly now: string;
  /** Of its host. */
  readonly cores: number;
  readonly memoryBytes: number;
}

const info = z.object({
  ID: z.string().min(1),
  SystemTime: z.string().min(1),
  NCPU: z.int().nullish(),
  MemTotal: z.int().nullish(),
});

/** Which daemon answers, and what time it has. */
export async function readDaemon(connection: DockerConnection, signal: AbortSignal): Promise<Daemon> {
  const told = await look(connection, signal, {
    verb: 'read daemon',
    form: info,
    ask: (docker, abortSignal) => abortable(docker).info({ abortSignal }),
  });
  return {
    id: told.ID,
    now: told.SystemTime,
    cores: told.NCPU || Number.POSITIVE_INFINITY,
    memoryBytes: told.MemTotal || Number.POSITIVE_INFINITY,
  };
}
