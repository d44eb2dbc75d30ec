import { makeLabels } from '../../../lib/docker/labels.ts';
import { parseGameId } from '../../../lib/game-id.ts';
import { containerName } from '../../../lib/game-names.ts';
import type { FakeDockerWorld } from '../../helpers/fake-docker-world.ts';

export const IMAGE = 'galaxy/engine:1.0.0';
export const PATCHED = 'galaxy/engine:1.0.1';
/** Its containers can not be started. */
export const BROKEN = 'galaxy/engine:1.0.2';

/** One request, by stream or by REST. */
export type Request =
  | { readonly by: 'stream'; readonly kind: 'start'; readonly imageRef: string }
  | { readonly by: 'stream'; readonly kind: 'stop' }
  | {
      readonly by: 'rest';
      readonly method: 'POST' | 'DELETE';
      readonly path: string;
      readonly body?: object;
    };

/** Something that happens to a game, in the middle of which the replica dies. */
export interface Story {
  readonly name: string;
  /** What was asked for before, in order. */
  readonly before: readonly Request[];
  /** What is asked for, or happens in Docker. */
  readonly happens: Request | ((docker: FakeDockerWorld, gameId: string) => void);
  /** How many operations there are in the end, without inner ones, and how the last of them ends. */
  readonly operations: number;
  readonly ends: string;
}

const start = (imageRef = IMAGE): Request => ({ by: 'stream', kind: 'start', imageRef });
const stop: Request = { by: 'stream', kind: 'stop' };
const patch = (imageRef: string): Request => ({
  by: 'rest',
  method: 'POST',
  path: 'patch',
  body: { image_ref: imageRef },
});

const containerOf = (docker: FakeDockerWorld, gameId: string) => {
  const name = containerName(parseGameId(gameId));
  const found = [...docker.containers.values()].find((one) => one.name === name);
  if (!found) throw new Error(`${gameId} has no container`);
  return found;
};

/** Every operation that people ask for, on each of the ways that it can take. */
export const ASKED: readonly Story[] = [
  { name: 'start', before: [], happens: start(), operations: 1, ends: 'success' },
  {
    name: 'start, with a pull',
    before: [],
    // Of its own, so that nobody has pulled it yet.
    happens: start('galaxy/{game}:1.0.0'),
    operations: 1,
    ends: 'success',
  },
  {
    name: 'start that Docker refuses',
    before: [],
    happens: start(BROKEN),
    operations: 1,
    ends: 'container_start_failed',
  },
  {
    name: 'start of a stopped game',
    before: [start(), stop],
    happens: start(PATCHED),
    operations: 3,
    ends: 'success',
  },
  { name: 'stop', before: [start()], happens: stop, operations: 2, ends: 'success' },
  {
    name: 'restart',
    before: [start()],
    happens: { by: 'rest', method: 'POST', path: 'restart', body: {} },
    operations: 2,
    ends: 'success',
  },
  { name: 'patch', before: [start()], happens: patch(PATCHED), operations: 2, ends: 'success' },
  {
    name: 'patch that is rolled back',
    before: [start()],
    happens: patch(BROKEN),
    operations: 2,
    ends: 'container_start_failed',
  },
  {
    name: 'cleanup',
    before: [start(), stop],
    happens: { by: 'rest', method: 'DELETE', path: 'container' },
    operations: 3,
    ends: 'success',
  },
];

/** What reconcile finds and repairs. */
export const FOUND: readonly Story[] = [
  {
    name: 'an engine that died',
    before: [start()],
    happens: (docker, gameId) => {
      containerOf(docker, gameId).state = 'exited';
    },
    operations: 2,
    ends: 'success',
  },
  {
    name: 'a container that vanished',
    before: [start()],
    happens: (docker, gameId) => void docker.containers.delete(containerOf(docker, gameId).id),
    operations: 2,
    ends: 'success',
  },
  {
    name: 'a container without a record',
    before: [],
    happens: (docker, gameId) => {
      const id = parseGameId(gameId);
      docker.put({
        name: containerName(id),
        image: IMAGE,
        labels: makeLabels({
          gameId: id,
          imageRef: IMAGE,
          operationId: 'by hand',
          attempt: 1,
          startedAtMs: 0,
        }),
      });
    },
    operations: 1,
    ends: 'success',
  },
];

/** The request for this game. */
export function requestFor(request: Request, gameId: string, docker: FakeDockerWorld): Request {
  if (request.by !== 'stream' || request.kind !== 'start' || !request.imageRef.includes('{game}'))
    return request;
  const imageRef = request.imageRef.replace('{game}', gameId);
  docker.registry.set(imageRef, { id: `sha256:${gameId}` });
  return { ...request, imageRef };
}
