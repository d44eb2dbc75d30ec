/**
 * Reads with 50,000 games in the table: one game, with and without a token, at several numbers of connections; and
 * pages of the list at several depths. Rounds of all of them take turns; the medians over the rounds are printed, and
 * nothing is asserted. Docker is a stand-in of this process that has the containers that are recorded: without them the
 * replicas would be busy giving their games up.
 */
import { randomBytes } from 'node:crypto';
import { loadavg } from 'node:os';
import { GAME_LABEL, OWNER, OWNER_LABEL } from '../../lib/docker/labels.ts';
import { migrate } from '../../sql/migrate.ts';
import { makeFakeDockerApi } from '../helpers/fake-docker-api.ts';
import { type FakeDockerWorld, makeFakeDockerWorld } from '../helpers/fake-docker-world.ts';
import { GAMES, INSERT_MANY_GAMES, LOOK_AFTER_NONE, manyGameId } from '../helpers/many-games.ts';
import { makeRows } from '../helpers/rows.ts';
import { makeWorld } from '../helpers/rtm-env.ts';
import { stopServices } from '../helpers/services.ts';
import { type Load, type Loader, type LoadFigures, startLoader } from './load.ts';
import { startReplica } from './replica.ts';
import { printTable, quantile } from './statistics.ts';

const ROUNDS = Number(process.argv[2] ?? 5);
const CONNECTIONS = [1, 8, 32, 128];
const DEPTHS = [0, 0.1, 0.5, 0.99];
const LIST = '/api/v1/internal/runtimes';

/** The paths of the pages at each depth, found as a client finds them: by going through all pages before. */
async function pagesOf(url: string, headers: Record<string, string>, filter: string): Promise<string[]> {
  const paths = [`${LIST}?limit=100${filter}`];
  for (let cursor: string | null; ; ) {
    const answer = await fetch(`${url}${paths.at(-1)}`, { headers });
    ({ next_cursor: cursor } = (await answer.json()) as { next_cursor: string | null });
    if (cursor === null) return DEPTHS.map((depth) => paths[Math.floor(depth * (paths.length - 1))] ?? '');
    paths.push(`${LIST}?limit=100${filter}&cursor=${encodeURIComponent(cursor)}`);
  }
}

/** What Docker has of the recorded games. */
async function putContainers(docker: FakeDockerWorld): Promise<void> {
  const recorded = await rows.query(
    `select game_id, status, current_container_id as id from rtmanager.runtime_records where status <> 'removed'`,
  );
  for (const row of recorded) {
    const gameId = String(row.game_id);
    const labels = { [OWNER_LABEL]: OWNER, [GAME_LABEL]: gameId };
    const state = row.status === 'running' ? 'running' : 'exited';
    docker.put({ id: String(row.id), name: gameId, labels, state });
  }
}

/** Every load once a round, in turn; the first round warms up and does not count. */
async function measure(
  loader: Loader,
  loads: ReadonlyMap<string, Load>,
): Promise<Map<string, LoadFigures[]>> {
  const figures = new Map<string, LoadFigures[]>([...loads.keys()].map((name) => [name, []]));
  for (let round = 0; round <= ROUNDS; round += 1) {
    for (const [name, load] of loads) {
      const measured = await loader.run(load);
      if (round > 0) figures.get(name)?.push(measured);
    }
  }
  return figures;
}

function print(title: string, measured: ReadonlyMap<string, readonly LoadFigures[]>): void {
  const median = (rounds: readonly LoadFigures[], key: keyof LoadFigures, digits: number) =>
    quantile(
      rounds.map((round) => round[key]),
      0.5,
    ).toFixed(digits);
  printTable([
    [title, 'p50 ms', 'p99 ms', 'requests/s'],
    ...[...measured].map(([name, rounds]) => [
      name,
      median(rounds, 'p50Ms', 2),
      median(rounds, 'p99Ms', 2),
      median(rounds, 'perSecond', 0),
    ]),
  ]);
  console.log(`load average ${loadavg()[0]?.toFixed(2)}, of which the measured requests make most\n`);
}

const token = randomBytes(24).toString('hex');
await using stack = new AsyncDisposableStack();
stack.defer(stopServices);
const world = stack.adopt(await makeWorld(), (one) => one.destroy());
console.log(`load average before: ${loadavg()[0]?.toFixed(2)}`);
const rows = stack.adopt(await makeRows(world.database), (one) => one.close());
await migrate(world.database.dsn);
await rows.query(INSERT_MANY_GAMES);
await rows.query('vacuum analyze rtmanager.runtime_records');
await rows.query('vacuum analyze rtmanager.health_snapshots');
const api = stack.adopt(await makeFakeDockerApi(), (one) => one.close());
await putContainers(makeFakeDockerWorld(api, world.network.name));
const variables = { ...LOOK_AFTER_NONE, RTMANAGER_DOCKER_HOST: api.host };
const open = stack.use(await startReplica(world.variables(variables)));
const guarded = stack.use(
  await startReplica(world.variables({ ...variables, RTMANAGER_INTERNAL_HTTP_TOKEN: token })),
);
const loader = stack.adopt(startLoader(), (one) => one.close());

// Spread over the whole table, in no order.
const paths = Array.from({ length: 10_000 }, (_, index) => `${LIST}/${manyGameId((index * 23_757) % GAMES)}`);
const lookUps = new Map<string, Load>();
for (const connections of CONNECTIONS) {
  const load = { paths, connections, seconds: 2 };
  const name = `one game, ${connections} connections`;
  lookUps.set(name, { ...load, url: open.url });
  lookUps.set(`${name}, token`, { ...load, url: guarded.url, token });
}
print(`GET ${LIST}/{game_id}, ${ROUNDS} rounds`, await measure(loader, lookUps));

const pages = new Map<string, Load>();
for (const filter of ['', '&status=removed', '&status=stopped']) {
  const found = await pagesOf(open.url, {}, filter);
  for (const [index, path] of found.entries()) {
    const depth = `${(DEPTHS[index] ?? 0) * 100} %`;
    pages.set(`${filter.slice(1) || 'all'}, page at ${depth}`, {
      url: open.url,
      paths: [path],
      connections: 1,
      seconds: 1,
    });
  }
}
print(`GET ${LIST}?limit=100, ${ROUNDS} rounds`, await measure(loader, pages));
