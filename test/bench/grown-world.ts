import { Client } from 'pg';
import { parseConfig } from '../../lib/config.ts';
import { migrate } from '../../sql/migrate.ts';
import { type InstantWorld, makeInstantWorld } from './instant-world.ts';
import { makeRequests, type Requests } from './requests.ts';

/** A world with many games in it, and a past. */
export interface GrownWorld extends InstantWorld {
  readonly games: number;
  readonly requests: Requests;
}

const OPERATIONS = 20;

/** The games of fleet.ts, by their numbers: of five, one runs, one stands still, three are over. */
const FILL = `
  create temporary table game as
    select n, 'game-' || lpad(n::text, 6, '0') as id, repeat('c0ffee', 9) || lpad(n::text, 10, '0') as container_id,
      case n % 5 when 0 then 'running' when 1 then 'stopped' else 'removed' end as status
    from generate_series(0, $games - 1) as n;
  insert into rtmanager.runtime_records (game_id, status, current_container_id, current_image_ref, image_digest,
    engine_endpoint, state_path, docker_network, created_at, started_at, stopped_at, removed_at, last_op_at)
  select id, status, case when status <> 'removed' then container_id end, 'galaxy/game:1.0.0', 'sha256:engine',
    'http://galaxy-game-' || id || ':$port', '/srv/games/' || id, '$network', now(), now(),
    case when status <> 'running' then now() end, case when status = 'removed' then now() end, now()
  from game;
  insert into rtmanager.health_snapshots (game_id, container_id, status, source, details, observed_at)
  select id, container_id, case status when 'running' then 'healthy' else 'exited' end,
    case status when 'running' then 'start' else 'docker_event' end,
    case status when 'running' then '{"image_ref": "galaxy/game:1.0.0"}'::jsonb else '{"exit_code": 0, "oom": false}' end,
    now()
  from game;
  insert into rtmanager.operation_log (game_id, seq, op_kind, op_source, source_ref, correlation_id, status, attempt,
    image_ref, container_id, outcome, requested_at, accepted_at, started_at, finished_at)
  select id, nextval('rtmanager.operation_seq'), case past % 2 when 0 then 'start' else 'stop' end, 'lobby_stream',
    'the past/' || n || '-' || past, gen_random_uuid(), 'finished', 1, 'galaxy/game:1.0.0', container_id, 'success',
    at, at, at, at
  from game, generate_series(1, ${OPERATIONS}) as past, lateral (select now() - past * interval '1 hour' as at) as time;`;

/** Makes it; with 50,000 games that are a million operations. */
export async function makeGrownWorld(games: number): Promise<GrownWorld> {
  await using stack = new AsyncDisposableStack();
  const world = stack.use(await makeInstantWorld());
  const variables = { ...world.variables };
  // It looks after its games as it does in earnest.
  for (const name of ['PROBE', 'INSPECT', 'RECONCILE']) delete variables[`RTMANAGER_${name}_INTERVAL`];
  const { postgres, docker } = parseConfig(variables);
  await migrate(postgres.dsn);
  const client = new Client({ connectionString: postgres.dsn });
  await client.connect();
  try {
    const { port } = new URL(world.lobbyUrl);
    const given = { games: String(games), port, network: docker.network };
    await client.query(FILL.replace(/\$(games|port|network)/g, (_, name: keyof typeof given) => given[name]));
    await client.query('vacuum analyze');
  } finally {
    await client.end();
  }
  const every = (rest: number): number[] =>
    Array.from({ length: games }, (_, index) => index).filter((index) => index % 5 === rest);
  await world.fill({ running: every(0), stopped: every(1) });
  const opened = stack.move();
  return {
    ...world,
    variables,
    games,
    requests: makeRequests(world.redis),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}
