/**
 * A reconcile pass over fleets of several sizes, in step, with 100 games that have drifted, and with all of them: real PostgreSQL, and a
 * Docker Engine API that answers from the memory of another process, with lists as long as Docker's own. Beside the
 * whole pass, what of it is the list alone: its transfer and its JSON, which any other program would pay as well.
 * Counts what is asked of both. Prints figures and asserts nothing.
 */

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { loadavg } from 'node:os';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { reconcileRuntimes } from '../../handlers/reconcile-runtimes.ts';
import { makeConfiguredDocker } from '../../lib/docker/configured-docker.ts';
import { NO_METRICS } from '../../lib/telemetry/metrics.ts';
import { countQueries } from '../helpers/count-queries.ts';
import { makeMemoryLogger } from '../helpers/memory-logger.ts';
import { stopServices } from '../helpers/services.ts';
import { makeStore } from '../helpers/store.ts';
import { makeTestConfig } from '../helpers/test-config.ts';
import type { DaemonAnswer, DaemonOrder } from './daemon-process.ts';
import { containerIdOf, driftOf, type Fleet, gameIdOf, operationIdOf } from './fleet.ts';
import { printTable, quantile } from './statistics.ts';

const ROUNDS = Number(process.argv[2] ?? 7);
const FLEETS: readonly Fleet[] = [
  ...[1_000, 10_000, 50_000].flatMap((games) => [0, 100].map((drifted) => ({ games, drifted }))),
  // As after a restart of the host.
  { games: 10_000, drifted: 10_000 },
];
/** Of each game's history; what a pass costs does not depend on it. */
const OPERATIONS = 4;

await using stack = new AsyncDisposableStack();
stack.defer(stopServices);
const store = stack.adopt(await makeStore(), (one) => one.destroy());
const daemon = fork(fileURLToPath(new URL('./daemon-process.ts', import.meta.url)));
stack.defer(async () => {
  daemon.kill('SIGTERM');
  await once(daemon, 'exit');
});
console.log(`load average before: ${loadavg()[0]?.toFixed(2)}`);

async function tell(order: DaemonOrder): Promise<DaemonAnswer> {
  const answer = once(daemon, 'message');
  daemon.send(order);
  return (await answer)[0];
}

async function settle(fleet: Fleet): Promise<void> {
  await store.clear();
  const games = Array.from({ length: fleet.games }, (_, index) => ({ index, drift: driftOf(fleet, index) }));
  const recorded = games.filter(({ drift }) => drift !== 'not recorded');
  await store.rows(
    `insert into rtmanager.runtime_records (game_id, status, current_container_id, current_image_ref, engine_endpoint,
       state_path, docker_network, created_at, started_at, last_op_at)
     select id, status, container, 'registry.example/galaxy/game:1.4.2', 'http://galaxy-game-' || id || ':8080',
       '/srv/galaxy/games/' || id, 'galaxy', now(), now(), now()
     from unnest($1::text[], $2::text[], $3::text[]) as game (id, status, container)`,
    [
      recorded.map(({ index }) => gameIdOf(index)),
      recorded.map(({ drift }) => (drift === 'left' ? 'removed' : 'running')),
      recorded.map(({ index, drift }) => (drift === 'left' ? null : containerIdOf(index))),
    ],
  );
  await store.rows(
    `insert into rtmanager.operation_log (operation_id, game_id, seq, op_kind, op_source, correlation_id, status, attempt,
       outcome, requested_at, accepted_at, finished_at)
     select case when n = 1 then operation_id::uuid else gen_random_uuid() end, id,
       nextval('rtmanager.operation_seq'), 'start', 'lobby_stream', gen_random_uuid(), 'finished', 1, 'success', at, at, at
     from unnest($1::text[], $2::text[]) as game (id, operation_id), generate_series(1, $3) as n,
       lateral (select now() - n * interval '1 day' as at) as time`,
    [games.map(({ index }) => gameIdOf(index)), games.map(({ index }) => operationIdOf(index)), OPERATIONS],
  );
  await store.rows('analyze rtmanager.operation_log, rtmanager.runtime_records');
}

const config = makeTestConfig();
const signal = new AbortController().signal;
const sql = countQueries(store.db);
const rows: string[][] = [];
for (const fleet of FLEETS) {
  const { games, drifted } = fleet;
  const { host, listBytes } = await tell(fleet);
  const docker = makeConfiguredDocker({ ...config, docker: { ...config.docker, host } });
  await settle(fleet);
  const log = makeMemoryLogger();
  const context = {
    log,
    docker,
    db: sql.db,
    wake: async () => undefined,
    publish: async () => undefined,
    listenAnew: () => undefined,
    metrics: NO_METRICS,
    now: Date.now,
    config,
    signal,
  };
  const [pass, list, blocked]: [number[], number[], number[]] = [[], [], []];
  let [statements, calls, found] = [0, 0, 0];
  for (let round = -1; round < ROUNDS; round += 1) {
    const listedAtMs = performance.now();
    await docker.listOwned(signal);
    const listMs = performance.now() - listedAtMs;
    await tell('count');
    const askedBefore = sql.queries;
    const delay = monitorEventLoopDelay({ resolution: 1 });
    delay.enable();
    const startedAtMs = performance.now();
    const { steps } = await reconcileRuntimes(context, 'reconcile');
    const tookMs = performance.now() - startedAtMs;
    delay.disable();
    statements = sql.queries - askedBefore;
    calls = (await tell('count')).requests;
    found = steps.length;
    // For the next round to find the same.
    await store.rows(`delete from rtmanager.operation_log where status <> 'finished'`);
    if (round < 0) continue;
    pass.push(tookMs);
    list.push(listMs);
    blocked.push(delay.max / 1e6);
  }
  if (found !== drifted) throw new Error(`${found} steps were planned of ${drifted}`);
  const ms = (samples: readonly number[], share: number) => quantile(samples, share).toFixed(0);
  rows.push([
    `${games} games, ${drifted} drifted`,
    ms(pass, 0.5),
    ms(pass, 1),
    ms(list, 0.5),
    ms(blocked, 0.5),
    String(statements),
    String(calls),
    (listBytes / 2 ** 20).toFixed(1),
  ]);
}
printTable([
  [
    `a reconcile pass, ${ROUNDS} rounds`,
    'p50 ms',
    'most ms',
    'of it the list',
    'event loop held',
    'SQL statements',
    'Docker calls',
    'list MiB',
  ],
  ...rows,
]);
console.log(`load average after: ${loadavg()[0]?.toFixed(2)}`);
