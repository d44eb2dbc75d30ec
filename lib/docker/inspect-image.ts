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
  /** Its own health check in nanoseconds, 0 where Docker's default applies; null without one. */
  readonly healthcheck: {
    readonly interval: number;
    readonly timeout: number;
    readonly startInterval: number;
  } | null;
}

const inspection = z.object({
  Id: z.string().min(1),
  Config: z
    .object({
      Labels: z.record(z.string(), z.string()).nullish(),
      User: z.string().nullish(),
      Healthcheck: z
        .object({
          Test: z.array(z.string()).nullish(),
          Interval: z.number().nullish(),
          Timeout: z.number().nullish(),
          StartInterval: z.number().nullish(),
        })
        .nullish(),
    })
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
    return {
      id: info.Id,
      labels: info.Config?.Labels ?? {},
      user: info.Config?.User ?? '',
      healthcheck: healthcheckOf(info.Config?.Healthcheck),
    };
  } catch (error) {
    if (hasStatus(error, 404)) return null;
    throw error;
  }
}

type Told = NonNullable<NonNullable<z.infer<typeof inspection>['Config']>['Healthcheck']>;

function healthcheckOf(told: Told | null | undefined): Image['healthcheck'] {
  if (!told?.Test?.length || told.Test[0] === 'NONE') return null;
  return { interval: told.Interval ?? 0, timeout: told.Timeout ?? 0, startInterval: told.StartInterval ?? 0 };
}
