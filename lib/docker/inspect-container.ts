import { z } from 'zod';
import type { DockerConnection } from './connection.ts';
import type { InspectedContainer } from './container.ts';
import { look } from './look.ts';
import { hasStatus } from './map-error.ts';

const inspection = z.object({
  Id: z.string().min(1),
  Name: z.string(),
  Image: z.string(),
  RestartCount: z.int().nullish(),
  State: z.object({
    Status: z.string(),
    Running: z.boolean(),
    ExitCode: z.int(),
    OOMKilled: z.boolean(),
    StartedAt: z.string().nullish(),
    FinishedAt: z.string().nullish(),
    Health: z.object({ Status: z.string().nullish() }).nullish(),
  }),
  Config: z.object({
    Labels: z.record(z.string(), z.string()).nullish(),
    Tty: z.boolean().nullish(),
    Image: z.string().nullish(),
  }),
  HostConfig: z.object({ AutoRemove: z.boolean().nullish() }).nullish(),
  NetworkSettings: z.object({ Networks: z.record(z.string(), z.unknown()).nullish() }),
});

/** The container with that id or name, or null when Docker knows of none. */
export async function inspectContainer(
  connection: DockerConnection,
  idOrName: string,
  signal: AbortSignal,
): Promise<InspectedContainer | null> {
  try {
    const info = await look(connection, signal, {
      verb: 'inspect container',
      form: inspection,
      ask: (docker, abortSignal) => docker.getContainer(idOrName).inspect({ abortSignal }),
    });
    return {
      id: info.Id,
      name: info.Name.replace(/^\//, ''),
      running: info.State.Running,
      state: info.State.Status,
      labels: info.Config.Labels ?? {},
      networks: Object.keys(info.NetworkSettings.Networks ?? {}),
      exitCode: info.State.ExitCode,
      startedAt: timeOf(info.State.StartedAt),
      finishedAt: info.State.Running ? null : timeOf(info.State.FinishedAt),
      endedBeforeAt: info.State.Running ? timeOf(info.State.FinishedAt) : null,
      autoRemove: info.HostConfig?.AutoRemove ?? false,
      restartCount: info.RestartCount ?? 0,
      health: info.State.Health?.Status ?? 'none',
      tty: info.Config.Tty ?? false,
      image: info.Config.Image ?? '',
      oomKilled: info.State.OOMKilled,
      imageId: info.Image,
    };
  } catch (error) {
    if (hasStatus(error, 404)) return null;
    throw error;
  }
}

/** Docker tells of what has not happened by the first moment of the calendar. */
const timeOf = (told: string | null | undefined): string | null =>
  !told || told.startsWith('0001-') ? null : told;
