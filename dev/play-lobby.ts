import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { authorization } from './authorization.ts';
import { GAME_IMAGE } from './images/game-image.ts';
import { shortId } from './session.ts';
import type { Stack } from './stack.ts';
import { streamName, waitForEntry } from './streams.ts';
import type { Timeline } from './timeline.ts';
import { makeTimeline } from './timeline.ts';

const RESULT_TIMEOUT_MS = 30_000;
const HEALTHY_TIMEOUT_MS = 10_000;

/**
 * Plays the Game Lobby: asks for one game and looks at everything that comes of it. Throws when something is amiss.
 *
 * @returns the game, which runs
 */
export async function playLobby(stack: Stack, rtmUrl: string): Promise<string> {
  const client = new Redis(stack.redis);
  try {
    const gameId = `demo-${shortId()}`;
    const line = makeTimeline(`The Lobby asks for game ${gameId}`);
    const containerId = await startGame(client, gameId, line);
    await askEngine(stack, containerId, line);
    await lookAtRecord(rtmUrl, gameId, containerId, line);
    await lookAtHealth(client, gameId, line);
    await lookAtState(stack, gameId, line);
    return gameId;
  } finally {
    client.disconnect();
  }
}

async function startGame(client: Redis, gameId: string, line: Timeline): Promise<string> {
  const startJobs = streamName('START_JOBS', 'runtime:start_jobs');
  const request = { game_id: gameId, image_ref: GAME_IMAGE, requested_at_ms: String(Date.now()) };
  const id = await client.xadd(startJobs, '*', ...Object.entries(request).flat());
  line.say(`XADD ${startJobs} ${id}`, request);

  const results = streamName('JOB_RESULTS', 'runtime:job_results');
  const result = await waitForEntry(
    client,
    results,
    (fields) => fields.game_id === gameId,
    RESULT_TIMEOUT_MS,
  );
  line.say(`${results} ${result.id}`, result.fields);
  const { outcome, container_id: containerId } = result.fields;
  if (outcome !== 'success' || !containerId) throw new Error('the start did not succeed');
  return containerId;
}

/** Asks the container at its address: the demo runs on the Docker host and not in the game's network. */
async function askEngine(stack: Stack, containerId: string, line: Timeline): Promise<void> {
  const info = await stack.docker.getContainer(containerId).inspect();
  const { Memory, NanoCpus, PidsLimit } = info.HostConfig;
  line.say(`docker inspect ${info.Name.slice(1)}`, {
    state: info.State.Status,
    image: info.Config.Image,
    limits: `cpu ${(NanoCpus ?? 0) / 1e9}, memory ${(Memory ?? 0) / 1024 ** 2} MiB, pids ${PidsLimit}`,
  });
  const address = info.NetworkSettings.Networks[stack.network]?.IPAddress;
  if (!address) throw new Error(`the container has no address in ${stack.network}`);
  const url = `http://${address}:8080/healthz`;
  line.say(`GET ${url}  →  ${await answerOf(url, HEALTHY_TIMEOUT_MS)}`);
}

async function lookAtRecord(
  rtmUrl: string,
  gameId: string,
  containerId: string,
  line: Timeline,
): Promise<void> {
  const pathname = `/api/v1/internal/runtimes/${gameId}`;
  const response = await fetch(`${rtmUrl}${pathname}`, { headers: authorization() });
  const record = (await response.json()) as Record<string, unknown>;
  line.say(`GET ${pathname}  →  ${response.status}`, record);
  if (record.status !== 'running' || record.current_container_id !== containerId) {
    throw new Error('the record does not tell of the running container');
  }
}

async function lookAtHealth(client: Redis, gameId: string, line: Timeline): Promise<void> {
  const events = streamName('HEALTH_EVENTS', 'runtime:health_events');
  const event = await waitForEntry(client, events, (fields) => fields.game_id === gameId, RESULT_TIMEOUT_MS);
  line.say(`${events} ${event.id}`, event.fields);
  if (event.fields.event_type !== 'container_started')
    throw new Error('the first event is not container_started');
}

async function lookAtState(stack: Stack, gameId: string, line: Timeline): Promise<void> {
  const file = path.join(stack.stateRoot, gameId, 'state.json');
  line.say(`${path.relative(process.cwd(), file)}  →  ${(await readFile(file, 'utf8')).trim()}`);
}

/** Asks until the answer is 200: a container runs a moment before the server in it listens. */
async function answerOf(url: string, timeoutMs: number): Promise<string> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    try {
      const response = await fetch(url, { signal: AbortSignal.timeout(1_000) });
      const text = `${response.status} ${(await response.text()).trim()}`;
      if (response.ok) return text;
      throw new Error(text);
    } catch (error) {
      if (performance.now() > deadline) throw new Error(`${url} did not answer 200`, { cause: error });
      await delay(20);
    }
  }
}
