import { setTimeout as delay } from 'node:timers/promises';
import { judge } from '../fleet/aftermath.ts';
import { startClients } from '../fleet/clients.ts';
import { startDaemonBeside } from '../fleet/daemon-beside.ts';
import { type Fleet, startFleet } from '../fleet/fleet.ts';
import { findInterrupted, findTakeovers, type Interrupted } from '../fleet/interrupted-work.ts';
import { IMAGES, NETWORK } from '../fleet/paced-daemon.ts';
import { makePrivateWorld, type PrivateWorld } from '../fleet/private-world.ts';
import { makeRandom, type SeededRandom } from '../fleet/seeded-random.ts';
import { saveTurns } from '../fleet/state-files.ts';
import type { Scenario } from '../scenario.ts';

const SIZES = {
  short: { requests: 300, games: 40, betweenMs: 500 },
  full: { requests: 10_000, games: 200, betweenMs: 3_000 },
};
const SEED = 10_000;
/** Requests without an answer at most. */
const WINDOW = 60;
/** Quick, so that it is RTM that is busy. */
const PACE = { create: 5, start: 10, stop: 10, remove: 5 };

/** Very many requests for anything, in the same order for the same seed, while replicas die. */
export const tenThousand: Scenario = {
  name: 'ten-thousand',
  title: 'Ten thousand requests while replicas die',
  async run(size, say) {
    const { requests, games: count, betweenMs } = SIZES[size];
    await using stack = new AsyncDisposableStack();
    const world = stack.use(await makePrivateWorld());
    const daemon = stack.use(await startDaemonBeside(PACE));
    const games = Array.from({ length: count }, (_, index) => `game-${index}`);
    const disturbedFiles = await saveTurns(world.stateRoot, games.slice(0, 10));
    const fleet = stack.use(
      await startFleet(3, () =>
        world.variables({ RTMANAGER_DOCKER_HOST: daemon.host, RTMANAGER_DOCKER_NETWORK: NETWORK }),
      ),
    );
    const { redis, rows } = world;
    const clients = stack.use(
      startClients({
        ...{ redis, games, images: IMAGES, window: WINDOW, urls: fleet.urls },
        random: makeRandom(SEED),
      }),
    );
    const done = new AbortController();
    const beganAtMs = performance.now();
    const ask = async (): Promise<void> => {
      for (let asked = 0; asked < requests; asked += requests / 10) {
        await clients.ask(requests / 10, done.signal);
        say(`${clients.requests} requests after ${((performance.now() - beganAtMs) / 1_000).toFixed(0)} s`);
      }
    };
    // Whichever ends first ends the other one too, also by a failure.
    const end = (): void => done.abort();
    const killing = killAtRandom({
      fleet,
      world,
      random: makeRandom(SEED + 1),
      betweenMs,
      done: done.signal,
    });
    const [interrupted] = await Promise.all([killing.finally(end), ask().finally(end)]);
    const violations = await judge({ rows, clients, look: daemon.look, disturbedFiles });
    const takeovers = await findTakeovers(rows, fleet.replicas, interrupted, size);
    say(`${clients.broken} connections broke, and their requests were repeated`);
    return [
      {
        what: `one of three replicas, with SIGKILL, every ${betweenMs / 1_000} s`,
        times: fleet.replicas.length - fleet.places.length,
        requests: clients.requests,
        violations: [...violations, ...takeovers.violations],
        recoveryMs: takeovers.endedMs,
      },
    ];
  },
};

interface Killing {
  readonly fleet: Fleet;
  readonly world: PrivateWorld;
  readonly random: SeededRandom;
  readonly betweenMs: number;
  readonly done: AbortSignal;
}

/** Any of them, again and again; a new one comes at once. Returns what they had in hand. */
async function killAtRandom({ fleet, world, random, betweenMs, done }: Killing): Promise<Interrupted[]> {
  const interrupted: Interrupted[] = [];
  while (!done.aborted) {
    await delay(betweenMs);
    const place = random.pick(fleet.places);
    const killedAtMs = Date.now();
    await fleet.kill(place);
    interrupted.push(...(await findInterrupted(world.rows, place.replica, killedAtMs)));
    await fleet.start(place);
  }
  return interrupted;
}
