import type { DockerConnection } from './connection.ts';
import type { InspectedContainer } from './container.ts';
import { look } from './look.ts';
import { hasStatus } from './map-error.ts';

/** The container with that id or name, or null when Docker knows of none. */
export async function inspectContainer(
  connection: DockerConnection,
  idOrName: string,
  signal: AbortSignal,
): Promise<InspectedContainer | null> {
  try {
    const info = await look(connection, 'inspect container', signal, (docker, abortSignal) =>
      docker.getContainer(idOrName).inspect({ abortSignal }),
    );
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
const timeOf = (told: string | undefined): string | null =>
  told === undefined || told === '' || told.startsWith('0001-') ? null : told;
