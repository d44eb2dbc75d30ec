import { setTimeout as delay } from 'node:timers/promises';
import { judge } from '../fleet/aftermath.ts';
import { type AnyDocker, useFakeDocker, useRealDocker } from '../fleet/any-docker.ts';
import { startClients } from '../fleet/clients.ts';
import { startFleet } from '../fleet/fleet.ts';
import { findGrowth, type Sample, takeSample } from '../fleet/growth.ts';
import { findInterrupted, findTakeovers, type Interrupted } from '../fleet/interrupted-work.ts';
import { makePrivateWorld } from '../fleet/private-world.ts';
import { makeRandom } from '../fleet/seeded-random.ts';
import { saveTurns } from '../fleet/state-files.ts';
import type { Scenario, Size } from '../scenario.ts';

const GAMES = 50;
const SEED = 50;
const SAMPLE_EVERY_MS = 2_000;
const KILL_EVERY_MS = 5_000;
/** Less than four samples a quarter say nothing. */
const LEAST_SAMPLES = 16;
/** So that streams are full, and stay so, long before the second quarter. */
const KEPT_ENTRIES = 200;

/** A replica that lives for long beside two that die all the time. */
export const soak: Scenario = {
  name: 'soak',
  title: 'Random operations for a long time',
  async run(size, say) {
    const { minutes, useDocker, window } = planOf(size);
    await using stack = new AsyncDisposableStack();
    const docker = stack.use(await useDocker());
    const world = stack.use(await makePrivateWorld());
    const { redis, rows } = world;
    const games = Array.from({ length: GAMES }, (_, index) => `${docker.network}-${index}`);
    const disturbedFiles = await saveTurns(world.stateRoot, games.slice(0, 10));
    const fleet = stack.use(
      await startFleet(3, () =>
        world.variables({
          RTMANAGER_DOCKER_HOST: docker.host,
          RTMANAGER_DOCKER_NETWORK: docker.network,
          RTMANAGER_STREAM_MAX_LEN: String(KEPT_ENTRIES),
          RTMANAGER_CONTAINER_STOP_TIMEOUT_SECONDS: '5',
          RTMANAGER_INSPECT_INTERVAL: '5s',
        }),
      ),
    );
    const [survivor, ...mortals] = fleet.places;
    if (!survivor) throw new Error('there are to be replicas');
    const random = makeRandom(SEED);
    const clients = stack.use(
      startClients({
        ...{ redis, games, images: docker.images, urls: fleet.urls, random, window, keptJobs: KEPT_ENTRIES },
      }),
    );

    const over = new AbortController();
    const samples: Sample[] = [];
    const interrupted: Interrupted[] = [];
    const { pid } = survivor.replica;
    const lookOn = async (): Promise<void> => {
      while (!over.signal.aborted) {
        const containers = (await docker.look()).containers.length;
        samples.push(await takeSample({ pid, redis, rows, containers }));
        if (samples.length % 30 === 0) say(`${clients.requests} requests so far`);
        await delay(SAMPLE_EVERY_MS);
      }
    };
    const kill = async (): Promise<void> => {
      const order = makeRandom(SEED + 1);
      while (!over.signal.aborted) {
        await delay(KILL_EVERY_MS);
        const place = order.pick(mortals);
        const killedAtMs = Date.now();
        await fleet.kill(place);
        interrupted.push(...(await findInterrupted(rows, place.replica, killedAtMs)));
        await fleet.start(place);
      }
    };
    const timer = setTimeout(() => over.abort(), minutes * 60_000);
    try {
      await Promise.all([lookOn(), kill(), clients.ask(Number.POSITIVE_INFINITY, over.signal)]);
    } finally {
      clearTimeout(timer);
      over.abort();
    }

    const violations = await judge({ rows, clients, look: docker.look, disturbedFiles });
    const takeovers = await findTakeovers(rows, fleet.replicas, interrupted, size);
    const growth = samples.length < LEAST_SAMPLES ? { table: [], leaks: [] } : findGrowth(samples);
    for (const [name, before, after] of growth.table)
      say(`${name}: ${before} in the second quarter, ${after} in the last`);
    return [
      {
        what: `two of three replicas in turn, with SIGKILL, for ${minutes} min`,
        times: fleet.replicas.length - fleet.places.length,
        requests: clients.requests,
        violations: [...violations, ...takeovers.violations, ...growth.leaks],
        recoveryMs: takeovers.endedMs,
      },
    ];
  },
};

interface Plan {
  readonly minutes: number;
  readonly useDocker: () => Promise<AnyDocker>;
  /** Requests without an answer at most: Docker makes four containers a second, and no more. */
  readonly window: number;
}

/** CHAOS_SOAK_MINUTES and CHAOS_SOAK_DOCKER (`real` or `fake`) say how long and on what; in short it is a glance. */
function planOf(size: Size): Plan {
  if (size === 'short') return { minutes: 0.1, useDocker: useFakeDocker, window: 20 };
  const { CHAOS_SOAK_MINUTES: minutes = '30', CHAOS_SOAK_DOCKER: kind = 'real' } = process.env;
  if (kind !== 'real' && kind !== 'fake') throw new Error('CHAOS_SOAK_DOCKER is real or fake');
  if (!(Number(minutes) > 0)) throw new Error('CHAOS_SOAK_MINUTES is a number of minutes');
  return { minutes: Number(minutes), useDocker: kind === 'real' ? useRealDocker : useFakeDocker, window: 12 };
}
