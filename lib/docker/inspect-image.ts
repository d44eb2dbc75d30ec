import type { DockerConnection } from './connection.ts';
import { CALL_DEADLINE_MS } from './deadlines.ts';
import { hasStatus } from './map-error.ts';

export interface Image {
  readonly id: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Digest by which a registry knows it, or the local id of an image that no registry gave. */
  readonly digest: string;
}

/** The local image that the reference names now, or null when there is none. */
export async function inspectImage(
  connection: DockerConnection,
  imageRef: string,
  signal: AbortSignal,
): Promise<Image | null> {
  try {
    const info = await connection.call(
      'inspect image',
      CALL_DEADLINE_MS.look,
      signal,
      (docker, abortSignal) => docker.getImage(imageRef).inspect({ abortSignal }),
    );
    return { id: info.Id, labels: info.Config?.Labels ?? {}, digest: info.RepoDigests?.[0] ?? info.Id };
  } catch (error) {
    if (hasStatus(error, 404)) return null;
    throw error;
  }
}
