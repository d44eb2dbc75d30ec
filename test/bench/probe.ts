/**
 * 10,000 running games probed every 15 s by one replica, first alone and then while a process for each core does
 * nothing but keep it busy. The replica, PostgreSQL and Redis are real; the engines are one local server, and Docker is
 * a stand-in that knows of 10,000 containers, for no machine of this size runs them. Prints figures and asserts nothing.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { availableParallelism, loadavg } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { makeLabels } from '../../lib/docker/labels.ts';
import { parseGameId } from '../../lib/game-id.ts';
import { containerName, gameHostname } from '../../lib/game-names.ts';
import { migrate } from '../../sql/migrate.ts';
import { makeFakeDockerApi } from '../helpers/fake-docker-api.ts';
import { makeFakeDockerWorld } from '../helpers/fake-docker-world.ts';
import { makeLobby, STREAMS } from '../helpers/lobby.ts';
import { makeRows } from '../helpers/rows.ts';
import { makeWorld } from '../helpers/rtm-env.ts';
import { stopServices } from '../helpers/services.ts';
import { cpuMsOf, rssOf } from './process-figures.ts';
import { type Replica, startReplica } from './replica.ts';
import { printTable, quantile } from './statistics.ts';

const BUSY_MINUTES = Number(process.argv[2] ?? 2);
const ALONE_MINUTES = Number(process.argv[3] ?? BUSY_MINUTES);
const GAMES = 10_000;
/** The default. */
const INTERVAL_MS = 15_000;
const IMAGE = 'galaxy/game:1.0.0';
const MB = 1024 * 1024;

/** The engines' answers, counted. */
async function serveEngines() {
  let perSecond = new Map<number, number>();
  let lastMs = new Map<string, number>();
  let gapsMs: number[] = [];
  const server = createServer(({ headers: { host = '' } }, response) => {
    const nowMs = performance.now();
    const second = Math.floor(nowMs / 1_000);
    perSecond.set(second, (perSecond.get(second) ?? 0) + 1);
    const before = lastMs.get(host);
    if (before !== undefined) gapsMs.push(nowMs - before);
    lastMs.set(host, nowMs);
    response.setHeader('content-type', 'application/json');
    response.end('{"status":"ok"}');
  });
  server.listen(0, '0.0.0.0');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    /** What came since the last call; the first and the last second are not whole. */
    take: () => {
      const taken = { perSecond: [...perSecond.values()].slice(1, -1), games: lastMs.size, gapsMs };
      [perSecond, lastMs, gapsMs] = [new Map(), new Map(), []];
      return taken;
    },
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** One process for each core that never rests. */
function keepCoresBusy(): Disposable {
  const processes: ChildProcess[] = Array.from({ length: availableParallelism() }, () =>
    spawn(process.execPath, ['-e', 'for (;;);'], { stdio: 'ignore' }),
  );
  return { [Symbol.dispose]: () => processes.forEach((one) => void one.kill('SIGKILL')) };
}

type Figures = Readonly<Record<string, string>>;

async function measure(
  replica: Replica,
  engines: Awaited<ReturnType<typeof serveEngines>>,
  minutes: number,
): Promise<Figures> {
  const pid = replica.process.pid ?? 0;
  engines.take();
  const cpuBefore = await cpuMsOf(pid);
  const beganAtMs = performance.now();
  let mostRss = 0;
  while (performance.now() - beganAtMs < minutes * 60_000) {
    await delay(1_000);
    mostRss = Math.max(mostRss, await rssOf(pid));
  }
  const tookMs = performance.now() - beganAtMs;
  const cores = ((await cpuMsOf(pid)) - cpuBefore) / tookMs;
  const { perSecond, games, gapsMs } = engines.take();
  const rate = (share: number) => quantile(perSecond, share).toFixed(0);
  const gap = (share: number) => (quantile(gapsMs, share) / 1_000).toFixed(2);
  return {
    'games asked': String(games),
    'probes a second, min': rate(0),
    'probes a second, p50': rate(0.5),
    'probes a second, max': rate(1),
    'from probe to probe of a game, s, min': gap(0),
    'from probe to probe of a game, s, p50': gap(0.5),
    'from probe to probe of a game, s, max': gap(1),
    'probes left out': String(gapsMs.filter((one) => one > 1.5 * INTERVAL_MS).length),
    'cores used': cores.toFixed(3),
    'RSS at most, MB': (mostRss / MB).toFixed(0),
    'load average': loadavg()[0]?.toFixed(1) ?? '',
  };
}

await using stack = new AsyncDisposableStack();
stack.defer(stopServices);
const engines = stack.adopt(await serveEngines(), (one) => one.close());
const world = stack.adopt(await makeWorld(), (one) => one.destroy());
const api = stack.adopt(await makeFakeDockerApi(), (one) => one.close());
const docker = makeFakeDockerWorld(api, world.network.name);

const games = Array.from({ length: GAMES }, (_, number) => {
  const gameId = parseGameId(`probed-${number}`);
  const labels = makeLabels({
    gameId,
    imageRef: IMAGE,
    operationId: 'none',
    attempt: 1,
    startedAtMs: Date.now() - 3_600_000,
  });
  // All of 127.0.0.0/8 is this host.
  const address = `127.1.${number >> 8}.${number & 255}`;
  const { id } = docker.put({ name: containerName(gameId), image: IMAGE, labels, address });
  return { gameId, id, endpoint: `http://${gameHostname(gameId)}:${engines.port}` };
});
const variables = world.variables({ RTMANAGER_DOCKER_HOST: api.host });
const rows = stack.adopt(await makeRows(world.database), (one) => one.close());
await migrate(world.database.dsn);
await rows.query(
  `insert into rtmanager.runtime_records (game_id, status, current_container_id, current_image_ref, engine_endpoint,
     state_path, docker_network, created_at, started_at, last_op_at)
   select game_id, 'running', container_id, $4, endpoint, '/games/' || game_id, $5, now(), now() - interval '1 hour', now()
   from unnest($1::text[], $2::text[], $3::text[]) as game (game_id, container_id, endpoint)`,
  [
    games.map((one) => one.gameId),
    games.map((one) => one.id),
    games.map((one) => one.endpoint),
    IMAGE,
    world.network.name,
  ],
);
await rows.query('vacuum analyze rtmanager.runtime_records');

console.log(
  `${GAMES} games, ${ALONE_MINUTES} min alone, ${BUSY_MINUTES} min beside; Docker and the engines are stand-ins of this process`,
);
console.log(`load average before: ${loadavg()[0]?.toFixed(2)}`);
const replica = stack.use(await startReplica(variables));
// A first round, in which all addresses are looked up.
await delay(INTERVAL_MS);
const alone = await measure(replica, engines, ALONE_MINUTES);
let beside: Figures;
{
  using _busy = keepCoresBusy();
  beside = await measure(replica, engines, BUSY_MINUTES);
}
printTable([
  ['', 'alone', 'both cores busy'],
  ...Object.keys(alone).map((name) => [name, alone[name] ?? '', beside[name] ?? '']),
]);

const events = await makeLobby(world.redis).entries(STREAMS.healthEvents);
const [counters] = await rows.query('select count(*)::int as count from rtmanager.probe_counters');
const calls = Map.groupBy(
  api.requests,
  ({ method, path }) => `${method} ${path.replace(/[0-9a-f]{64}/, ':id')}`,
);
console.log(`\nhealth events: ${events.length}; games that count as failing: ${counters?.count}`);
console.log(
  `warnings: ${[...Map.groupBy(replica.warnings, (one) => one)].map(([one, all]) => `${one} (${all.length})`).join('; ') || 'none'}`,
);
console.log(`calls to Docker: ${[...calls].map(([call, all]) => `${call} ${all.length}`).join(', ')}`);
