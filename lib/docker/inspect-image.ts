import { z } from 'zod';
import type { DockerConnection } from './connection.ts';
import { look } from './look.ts';
import { hasStatus } from './map-error.ts';

export interface Image {
  /** Digest of its content, by which Docker knows what runs whatever tags say later. */
  readonly id: string;
  readonly labels: Readonly<Record<string, string>>;
  /** `USER` of its build: name or number, with or without a group; empty for root. */
  readonly user: string;
}

const inspection = z.object({
  Id: z.string().min(1),
  Config: z
    .object({ Labels: z.record(z.string(), z.string()).nullish(), User: z.string().nullish() })
    .nullish(),
});

/** The local image that the reference names now, or null when there is none. */
export async function inspectImage(
  connection: DockerConnection,
  imageRef: string,
  signal: AbortSignal,
): Promise<Image | null> {
  try {
    const info = await look(connection, signal, {
      verb: 'inspect image',
      form: inspection,
      ask: (docker, abortSignal) => docker.getImage(imageRef).inspect({ abortSignal }),
    });
    return { id: info.Id, labels: info.Config?.Labels ?? {}, user: info.Config?.User ?? '' };
  } catch (error) {
    if (hasStatus(error, 404)) return null;
    throw error;
  }
}
