import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { authorization } from './authorization.ts';
import { statusCode } from './docker-client.ts';
import { GAME_IMAGE, GAME_IMAGE_PATCHED } from './images/game-image.ts';
import type { Stack } from './stack.ts';
import { makeTimeline, type Timeline } from './timeline.ts';

/** One request of the story, and what must be so when it has been answered. */
interface Chapter {
  readonly ask: readonly [method: 'POST' | 'DELETE', path: string, body?: object];
  readonly status: 'running' | 'stopped' | 'removed';
  readonly image: string;
  /** How often the engine has booted on the game's state directory. */
  readonly boots: number;
}

const STORY: readonly Chapter[] = [
  { ask: ['POST', 'stop', { reason: 'admin_request' }], status: 'stopped', image: GAME_IMAGE, boots: 1 },
  { ask: ['POST', 'restart', {}], status: 'running', image: GAME_IMAGE, boots: 2 },
  {
    ask: ['POST', 'patch', { image_ref: GAME_IMAGE_PATCHED }],
    status: 'running',
    image: GAME_IMAGE_PATCHED,
    boots: 3,
  },
  { ask: ['POST', 'stop', { reason: 'finished' }], status: 'stopped', image: GAME_IMAGE_PATCHED, boots: 3 },
  { ask: ['DELETE', 'container'], status: 'removed', image: GAME_IMAGE_PATCHED, boots: 3 },
];

const BOOT_TIMEOUT_MS = 10_000;

/** Plays Game Master: takes a running game through the rest of its life by REST. Throws when something is amiss. */
export async function playGameMaster(stack: Stack, rtmUrl: string, gameId: string): Promise<void> {
  const line = makeTimeline(`Game Master stops, restarts, patches and cleans up game ${gameId}`);
  const base = `${rtmUrl}/api/v1/internal/runtimes/${gameId}`;
  for (const chapter of STORY) await play(stack, base, gameId, chapter, line);

  const response = await fetch(`${base}/operations`, { headers: authorization() });
  const { items } = (await response.json()) as { items: Record<string, string>[] };
  const log = items.reverse().map((one, place) => {
    const inner = one.parent_operation_id === null ? '' : '  inside of it: ';
    return [
      String(place + 1),
      `${inner}${one.op_kind} by ${one.op_source}: ${one.error_code ?? one.outcome}`,
    ];
  });
  line.say('GET …/operations, oldest first', Object.fromEntries(log));
}

async function play(
  stack: Stack,
  base: string,
  gameId: string,
  { ask: [method, action, body], status, image, boots }: Chapter,
  line: Timeline,
): Promise<void> {
  const response = await fetch(`${base}/${action}`, {
    method,
    headers: { ...authorization(), ...(body ? { 'content-type': 'application/json' } : {}) },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  const runtime = (await response.json()) as Record<string, string | null>;
  const state = await containerState(stack, gameId);
  line.say(`${method} …/${action} ${body ? JSON.stringify(body) : ''}  →  ${response.status}`, {
    status: runtime.status,
    image: runtime.current_image_ref,
    container: `${runtime.current_container_id?.slice(0, 12) ?? 'none'}, Docker says: ${state}`,
  });
  const wanted = { running: 'running', stopped: 'exited', removed: 'gone' }[status];
  if (runtime.status !== status || runtime.current_image_ref !== image || state !== wanted) {
    throw new Error(`after ${action} the game must be ${status} with ${image}`);
  }
  await untilBooted(path.join(stack.stateRoot, gameId, 'state.json'), boots);
}

async function containerState({ docker }: Stack, gameId: string): Promise<string> {
  try {
    return (await docker.getContainer(`galaxy-game-${gameId}`).inspect()).State.Status;
  } catch (error) {
    if (statusCode(error) === 404) return 'gone';
    throw error;
  }
}

/** The engine counts its boots in its state, which outlives every container. */
async function untilBooted(file: string, boots: number): Promise<void> {
  const deadline = performance.now() + BOOT_TIMEOUT_MS;
  for (;;) {
    const counted = JSON.parse(await readFile(file, 'utf8')).boot;
    if (counted === boots) return;
    if (performance.now() > deadline) throw new Error(`the engine has booted ${counted} times, not ${boots}`);
    await delay(20);
  }
}
