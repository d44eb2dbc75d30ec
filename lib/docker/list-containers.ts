import { z } from 'zod';
import type { DockerConnection } from './connection.ts';
import { type Container, isOurs } from './container.ts';
import { CALL_DEADLINE_MS } from './deadlines.ts';
import { GAME_LABEL, OWNER, OWNER_LABEL } from './labels.ts';
import { look } from './look.ts';

const RUNNING_STATES = ['running', 'paused', 'restarting'];

/** Docker leaves out what a container does not have, or says null: the names of one that is just being removed. */
const list = z.array(
  z.object({
    Id: z.string().min(1),
    Names: z.array(z.string()).nullish(),
    State: z.string(),
    Labels: z.record(z.string(), z.string()).nullish(),
    NetworkSettings: z.object({ Networks: z.record(z.string(), z.unknown()).nullish() }).nullish(),
  }),
);

/** All containers of a game that are ours, running or not, whatever their name. */
export async function listGameContainers(
  connection: DockerConnection,
  game: { gameId: string; network: string },
  signal: AbortSignal,
): Promise<Container[]> {
  const listed = await listLabelledContainers(connection, game.gameId, signal);
  return listed.filter((container) => isOurs(container, game));
}

/** The same, on whatever network: another Runtime Manager's too. */
export function listLabelledContainers(
  connection: DockerConnection,
  gameId: string,
  signal: AbortSignal,
): Promise<Container[]> {
  return listByLabels(connection, { [GAME_LABEL]: gameId }, CALL_DEADLINE_MS.look, signal);
}

/** All containers with our owner label, running or not, on whatever network: another Runtime Manager's too. */
export function listOwnedContainers(connection: DockerConnection, signal: AbortSignal): Promise<Container[]> {
  return listByLabels(connection, {}, CALL_DEADLINE_MS.listAll, signal);
}

async function listByLabels(
  connection: DockerConnection,
  further: Readonly<Record<string, string>>,
  deadlineMs: number,
  signal: AbortSignal,
): Promise<Container[]> {
  const labels = Object.entries({ [OWNER_LABEL]: OWNER, ...further });
  const listed = await look(connection, signal, {
    verb: 'list containers',
    form: list,
    deadlineMs,
    ask: (docker, abortSignal) =>
      docker.listContainers({
        all: true,
        filters: { label: labels.map(([name, value]) => `${name}=${value}`) },
        abortSignal,
      }),
  });
  const containers = listed.map((info) => ({
    id: info.Id,
    name: (info.Names?.[0] ?? '').replace(/^\//, ''),
    running: RUNNING_STATES.includes(info.State),
    state: info.State,
    labels: info.Labels ?? {},
    networks: Object.keys(info.NetworkSettings?.Networks ?? {}),
  }));
  // The filter is Docker's; what follows from it is ours to check.
  return containers.filter((one) => labels.every(([name, value]) => one.labels[name] === value));
}
