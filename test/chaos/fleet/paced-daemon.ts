import { setTimeout as delay } from 'node:timers/promises';
import { GAME_LABEL, OWNER, OWNER_LABEL } from '../../../lib/docker/labels.ts';
import { makeFakeDockerApi } from '../../helpers/fake-docker-api.ts';
import type { Script } from '../../helpers/fake-docker-scripts.ts';
import { type FakeContainer, makeFakeDockerWorld } from '../../helpers/fake-docker-world.ts';
import { toldEvent } from '../../helpers/told-event.ts';
import type { SeenContainer } from '../invariants.ts';

export const NETWORK = 'galaxy';
/** Two patch versions of one engine: each may take the other's place. */
export const IMAGES = ['galaxy/engine:1.0.0', 'galaxy/engine:1.0.1'] as const;

/** How long a call takes, milliseconds; of a real daemon with nothing else to do: 60, 180, 300, 50. */
export interface Pace {
  readonly create: number;
  readonly start: number;
  readonly stop: number;
  readonly remove: number;
}

/** What there is and was in the daemon. */
export interface DaemonView {
  readonly containers: readonly SeenContainer[];
  /** Games of which two ran at once; left out where nobody looks all the time. */
  readonly twice?: readonly string[];
  /** Containers that are not RTM's, and not as they were. */
  readonly disturbed: readonly string[];
}

/** A daemon that takes its time, tells of ends, and notices when a game runs twice. Containers are entries in a table. */
export interface PacedDaemon {
  /** As RTMANAGER_DOCKER_HOST takes it. */
  readonly host: string;
  /** The game of a container, by id; '' where there is none. */
  gameOf(containerId: string): string;
  look(): DaemonView;
  close(): Promise<void>;
}

/** @param paceOf how long calls take that are about a container of that name */
export async function makePacedDaemon(paceOf: (name: string) => Pace): Promise<PacedDaemon> {
  const api = await makeFakeDockerApi();
  const world = makeFakeDockerWorld(api, NETWORK);
  for (const [index, ref] of IMAGES.entries()) world.images.set(ref, { id: `sha256:${index}` });
  const twice = new Set<string>();
  const listeners = new Set<(line: string) => void>();
  const somebody = world.put({
    name: 'somebody-else',
    image: 'postgres:18',
    labels: { 'com.example': 'yes' },
  });

  const find = (idOrName: string): FakeContainer | undefined =>
    world.containers.get(idOrName) ?? [...world.containers.values()].find((one) => one.name === idOrName);
  const gameOf = (one: FakeContainer | undefined): string => one?.labels?.[GAME_LABEL] ?? '';
  const tell = (action: 'die' | 'destroy', one: FakeContainer): void => {
    if (one.labels?.[OWNER_LABEL] !== OWNER) return;
    const atNanos = BigInt(Date.now()) * 1_000_000n;
    const line = toldEvent({ action, id: one.id, gameId: gameOf(one), atNanos });
    for (const listener of listeners) listener(line);
  };
  /** Takes its time, does it, and then looks at what came of it. */
  const paced =
    (verb: keyof Pace, then: (container: FakeContainer) => void = () => undefined): Script =>
    async ({ request, act, send }) => {
      const { params, query } = request;
      const container = find(params[0] ?? '');
      await delay(paceOf(container?.name ?? query.name ?? '')[verb]);
      const answer = act();
      if (container && answer.status === 204) then(container);
      send(answer);
    };
  api.always('POST /containers/create', paced('create'));
  api.always(
    'POST /containers/:id/start',
    paced('start', (one) => {
      const running = [...world.containers.values()].filter(
        (other) => other.state === 'running' && gameOf(other) === gameOf(one),
      );
      if (running.length > 1) twice.add(gameOf(one));
    }),
  );
  api.always(
    'POST /containers/:id/stop',
    paced('stop', (one) => tell('die', one)),
  );
  api.always(
    'DELETE /containers/:id',
    paced('remove', (one) => tell('destroy', one)),
  );
  api.always('GET /events', ({ response }) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.flushHeaders();
    const listener = (line: string) => void response.write(line);
    listeners.add(listener);
    response.on('close', () => listeners.delete(listener));
  });

  return {
    host: api.host,
    gameOf: (containerId) => gameOf(find(containerId)),
    look: () => ({
      containers: [...world.containers.values()]
        .filter((one) => one.labels?.[OWNER_LABEL] === OWNER)
        .map((one) => ({ id: one.id, gameId: gameOf(one), running: one.state === 'running' })),
      twice: [...twice],
      disturbed:
        world.containers.get(somebody.id)?.state === 'running' ? [] : ['the container of somebody else'],
    }),
    close: () => api.close(),
  };
}
