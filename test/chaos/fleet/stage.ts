import { type DockerCall, type DockerProxy, makeDockerProxy } from '../../helpers/docker-proxy.ts';
import { eventually } from '../../helpers/eventually.ts';
import { type Lobby, makeLobby } from '../../helpers/lobby.ts';
import type { Violation } from '../invariants.ts';
import type { ChaosFigures, Size } from '../scenario.ts';
import { judge } from './aftermath.ts';
import { type Clients, startClients } from './clients.ts';
import { type Fleet, type Place, startFleet } from './fleet.ts';
import { IMAGES, makePacedDaemon, NETWORK, type Pace } from './paced-daemon.ts';
import { makePrivateWorld, type PrivateWorld } from './private-world.ts';
import { makeRandom } from './seeded-random.ts';
import { saveTurns } from './state-files.ts';

/** A call that changes something in Docker. */
export interface Act {
  readonly call: DockerCall;
  readonly gameId: string;
  readonly atMs: number;
}

/** Three replicas, each with a way to Docker of its own, and clients who never rest. */
export interface Stage extends AsyncDisposable {
  readonly size: Size;
  readonly world: PrivateWorld;
  readonly fleet: Fleet;
  readonly clients: Clients;
  readonly lobby: Lobby;
  /** What came by each place's way to Docker, oldest first. */
  readonly acts: readonly (readonly Act[])[];
  /** Hears of every such call before the daemon does. */
  onAct: ((place: Place, act: Act) => void) | undefined;
  /** Writes a request by stream for a game that the clients leave alone, and waits until it is answered. */
  answered(kind: 'start' | 'stop', gameId: string): Promise<void>;
  /** Lets clients ask for anything while the work goes on, and says what was wrong in the end. */
  underLoad(
    what: string,
    work: () => Promise<Pick<ChaosFigures, 'times' | 'violations'>>,
    recoveries?: () => Promise<Pick<ChaosFigures, 'recoveryMs' | 'violations'>>,
  ): Promise<ChaosFigures>;
}

const SEED = 20_261_125;
const PLACES = 3;
const GAMES = 30;
const WINDOW = 12;
/** By the name of the game: most are quick. */
const PACES: readonly (readonly [RegExp, Pace])[] = [
  [/slow/, { create: 40, start: 120, stop: 700, remove: 40 }],
  // Longer than a replica may take to shut down.
  [/stubborn/, { create: 40, start: 120, stop: 2_500, remove: 40 }],
  [/./, { create: 40, start: 120, stop: 200, remove: 40 }],
];

export async function makeStage(size: Size): Promise<Stage> {
  await using stack = new AsyncDisposableStack();
  const world = stack.use(await makePrivateWorld());
  const paceOf = (name: string) => PACES.find(([form]) => form.test(name))?.[1] as Pace;
  const daemon = stack.adopt(await makePacedDaemon(paceOf), (one) => one.close());
  const proxies: DockerProxy[] = [];
  const acts: Act[][] = [];
  for (let index = 0; index < PLACES; index += 1) {
    const proxy = stack.adopt(await makeDockerProxy(daemon.host), (one) => one.destroy());
    proxy.onCall = (call) => {
      if (call.method !== 'GET') note(index, call);
      return 'pass';
    };
    proxies.push(proxy);
    acts.push([]);
  }
  const games = Array.from({ length: GAMES }, (_, index) => `game-${index}`);
  const disturbedFiles = await saveTurns(world.stateRoot, games.slice(0, 5));
  const fleet = stack.use(
    await startFleet(PLACES, (index) =>
      world.variables({
        RTMANAGER_DOCKER_HOST: proxies[index]?.host ?? '',
        RTMANAGER_DOCKER_NETWORK: NETWORK,
      }),
    ),
  );
  const { redis, rows } = world;
  const clients = stack.use(
    startClients({
      ...{ redis, games, images: IMAGES, window: WINDOW },
      random: makeRandom(SEED),
      urls: fleet.urls,
    }),
  );
  const lobby = makeLobby({ client: redis });

  function note(index: number, call: DockerCall): void {
    const named = /[?&]name=galaxy-game-([^&]+)/.exec(call.path)?.[1];
    const id = /^\/containers\/([^/?]+)/.exec(call.path)?.[1] ?? '';
    const act = { call, gameId: named ?? daemon.gameOf(id), atMs: Date.now() };
    acts[index]?.push(act);
    const place = fleet.places[index];
    if (place) stage.onAct?.(place, act);
  }

  const known = new Set<string>();
  /** What was wrong before is not told again. */
  async function newViolations(): Promise<readonly Violation[]> {
    const found = await judge({ rows, clients, look: daemon.look, disturbedFiles });
    const fresh = found.filter(({ what }) => !known.has(what));
    for (const { what } of fresh) known.add(what);
    return fresh;
  }

  const opened = stack.move();
  const stage: Stage = {
    ...{ size, world, fleet, clients, lobby, acts },
    onAct: undefined,
    async answered(kind, gameId) {
      const entryId = await (kind === 'start' ? lobby.start(gameId, IMAGES[0]) : lobby.stop(gameId));
      await eventually(
        () =>
          clients.results.some(
            ({ fields }) => fields.request_entry_id === entryId && fields.op_kind === kind,
          ),
        { what: `the answer to ${entryId}`, timeoutMs: 30_000 },
      );
    },
    async underLoad(what, work, recoveries = async () => ({ recoveryMs: [], violations: [] })) {
      const before = clients.requests;
      const enough = new AbortController();
      const asking = clients.ask(Number.POSITIVE_INFINITY, enough.signal);
      // Told when it is waited for; a client's surprise must not end the run in the middle of the work.
      asking.catch(() => undefined);
      const done = await work().finally(() => enough.abort());
      await asking;
      const wrong = await newViolations();
      const { recoveryMs, violations } = await recoveries();
      return {
        what,
        times: done.times,
        requests: clients.requests - before,
        violations: [...done.violations, ...wrong, ...violations],
        recoveryMs,
      };
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
  return stage;
}
