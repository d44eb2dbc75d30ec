import type Dockerode from 'dockerode';
import { z } from 'zod';
import { dockerMoment } from '../daemon-time.ts';
import { RuntimeError } from '../errors.ts';
import type { DockerConnection } from './connection.ts';
import { CALL_DEADLINE_MS } from './deadlines.ts';
import { GAME_LABEL, OWNER, OWNER_LABEL } from './labels.ts';
import { mapTrouble } from './look.ts';
import { readLines, TOO_LONG } from './read-lines.ts';

/** The ends that a container may come to; Docker tells of many other things. */
export const CONTAINER_ACTIONS = ['die', 'destroy', 'oom'] as const;

/** What Docker says happened to a container with our owner label. Only a hint: whoever hears it looks for himself. */
export interface ContainerEvent {
  readonly action: (typeof CONTAINER_ACTIONS)[number];
  readonly containerId: string;
  /** By the container's label; '' when it has none. */
  readonly gameId: string;
  /** Of a `die`, where Docker says it. */
  readonly exitCode?: number | undefined;
  /** By the daemon's clock, nanoseconds since the epoch: more than a number can hold. */
  readonly atNanos: bigint;
}

/** A line that tells of nobody knows what; those behind it are heard all the same. */
export const UNREADABLE = 'unreadable';

const told = z.object({
  Action: z.string(),
  Actor: z.object({
    ID: z.string().regex(/^[\w.-]+$/),
    Attributes: z.record(z.string(), z.string()).nullish(),
  }),
  timeNano: z.string().regex(/^\d+$/),
});

/**
 * Subscribes to what becomes of our containers, from a moment of the daemon's own clock on. Resolves when Docker has
 * begun to answer; what follows has no end but the daemon's, or an abort by `signal`.
 *
 * @throws RuntimeError `docker_unavailable`, also from the iteration when the answer breaks off
 */
export async function openContainerEvents(
  connection: DockerConnection,
  sinceNanos: bigint,
  signal: AbortSignal,
): Promise<AsyncIterable<ContainerEvent | typeof UNREADABLE>> {
  const verb = 'read events';
  const ask = (docker: Dockerode, abortSignal: AbortSignal) =>
    docker.getEvents({
      // The published type knows whole seconds only; Docker takes nanoseconds.
      since: dockerMoment(sinceNanos) as unknown as number,
      filters: {
        type: ['container'],
        label: [`${OWNER_LABEL}=${OWNER}`],
        event: [...CONTAINER_ACTIONS],
      },
      abortSignal,
    });
  const stream = await connection.call(verb, CALL_DEADLINE_MS.look, signal, ask).catch((error: unknown) => {
    throw mapTrouble(verb, error);
  });
  return parseEvents(stream as AsyncIterable<unknown>, signal);
}

async function* parseEvents(
  stream: AsyncIterable<unknown>,
  signal: AbortSignal,
): AsyncGenerator<ContainerEvent | typeof UNREADABLE> {
  try {
    for await (const line of readLines(stream)) {
      const event = line === TOO_LONG ? UNREADABLE : parseEvent(line);
      if (event) yield event;
    }
  } catch (error) {
    signal.throwIfAborted();
    throw new RuntimeError('docker_unavailable', "Docker's events broke off, or can not be read", {
      cause: error,
    });
  }
}

/** Undefined for what is not about a container of ours: the filter is Docker's, what follows is ours to check. */
function parseEvent(line: string): ContainerEvent | typeof UNREADABLE | undefined {
  if (line.trim() === '') return undefined;
  const read = told.safeParse(parseJson(line));
  if (!read.success) return UNREADABLE;
  const { Action, Actor, timeNano } = read.data;
  const action = CONTAINER_ACTIONS.find((known) => known === Action);
  if (!action || Actor.Attributes?.[OWNER_LABEL] !== OWNER) return undefined;
  return {
    action,
    containerId: Actor.ID,
    gameId: Actor.Attributes[GAME_LABEL] ?? '',
    ...(action === 'die' ? { exitCode: exitCodeOf(Actor.Attributes.exitCode) } : {}),
    atNanos: BigInt(timeNano),
  };
}

const exitCodeOf = (told: string | undefined): number | undefined =>
  told !== undefined && /^\d{1,3}$/.test(told) ? Number(told) : undefined;

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line, keepNanos);
  } catch {
    return undefined;
  }
}

/** Keeps the digits of a time as they were sent; as a number it would lose its last three. */
const keepNanos = (key: string, value: unknown, context?: { readonly source?: string }): unknown =>
  key === 'timeNano' && typeof value === 'number' ? context?.source : value;
