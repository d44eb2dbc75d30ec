import { createHash } from 'node:crypto';
import type { Store } from './store.ts';

/** The container on record of each of these games. */
export const containerOf = (gameId: string): string => createHash('sha256').update(gameId).digest('hex');

/**
 * The most of a fleet: `game-00001` …, of ten games seven running, two stopped, one removed; of a thousand, one does not
 * answer, and `game-03003` and `game-08003` are unhealthy.
 */
export async function insertFleet(store: Store, games: number): Promise<void> {
  await store.rows(`
    insert into rtmanager.runtime_records (game_id, status, current_container_id, current_image_ref, image_digest,
      engine_endpoint, state_path, docker_network, created_at, started_at, stopped_at, removed_at, last_op_at)
    select id, status, case when status <> 'removed' then encode(sha256(id::bytea), 'hex') end, 'registry.example.com/galaxy/game:1.4.' || n % 3,
      'sha256:' || md5(id) || md5('i' || id), 'http://galaxy-game-' || id || ':8080', '/srv/galaxy/games/' || id, 'galaxy',
      now() - interval '40 days', now() - n * interval '211 seconds', case when status <> 'running' then now() - interval '1 hour' end,
      case when status = 'removed' then now() - interval '1 hour' end, now() - n * interval '211 seconds'
    from (select n, 'game-' || lpad(n::text, 5, '0') as id,
        case when n % 10 < 7 then 'running' when n % 10 < 9 then 'stopped' else 'removed' end as status
      from generate_series(1, ${games}) as n) as game`);
  await store.rows(`
    insert into rtmanager.health_snapshots (game_id, container_id, status, source, details, observed_at)
    select game_id, current_container_id, case when game_id like '%501' then 'probe_failed'
      when game_id in ('game-03003', 'game-08003') then 'inspect_unhealthy' else 'healthy' end, 'start', '{}', started_at
    from rtmanager.runtime_records`);
  await store.rows(`
    insert into rtmanager.operation_log (game_id, seq, op_kind, op_source, correlation_id, status, attempt, image_ref,
      outcome, requested_at, accepted_at, started_at, finished_at)
    select game_id, nextval('rtmanager.operation_seq'), case when status = 'running' then 'start' else 'stop' end,
      'lobby_stream', gen_random_uuid(), 'finished', 1, current_image_ref, 'success', last_op_at, last_op_at, last_op_at, last_op_at
    from rtmanager.runtime_records`);
}

/** When that game started and when it died, in its past; one moment for all who tell of it. */
export const STARTED_MS = Date.now() - 600_000;
export const DIED_MS = STARTED_MS + 300_000;
const isoTime = (ms: number): string => new Date(ms).toISOString();

interface Died {
  readonly gameId: string;
  readonly imageRef: string;
  readonly logLines: readonly string[];
  readonly exitCode?: number;
}

/** A game that started ten minutes ago, did not answer a minute before, and then died. */
export async function insertDiedGame(store: Store, died: Died): Promise<void> {
  const { gameId, imageRef, logLines, exitCode = 137 } = died;
  const container = containerOf(gameId);
  const evidence = {
    exitCode,
    oomKilled: exitCode === 137,
    finishedAt: isoTime(DIED_MS),
    lastLogLines: logLines,
  };
  await store.rows(
    `insert into rtmanager.runtime_records (game_id, status, current_container_id, current_image_ref, engine_endpoint,
       state_path, docker_network, created_at, started_at, stopped_at, last_op_at)
     values ($1, 'stopped', $2, $3, 'http://galaxy-game-died:8080', '/srv/galaxy/games/died', 'galaxy',
       $4, $4, $5, $5)`,
    [gameId, container, imageRef, isoTime(STARTED_MS), isoTime(DIED_MS)],
  );
  await store.rows(
    `insert into rtmanager.health_snapshots (game_id, container_id, status, source, details, observed_at)
     values ($1, $2, 'oom', 'docker_event', '{}', $3)`,
    [gameId, container, isoTime(DIED_MS)],
  );
  await store.rows(
    `insert into rtmanager.health_events (game_id, occurred_at, outbox_id, container_id, event_type, details)
     values ($1, $2, 0, $3, 'probe_failed', '{"consecutive_failures":3,"last_status":null,"last_error":"no answer within 2 s"}')`,
    [gameId, isoTime(DIED_MS - 60_000), container],
  );
  const operation = `insert into rtmanager.operation_log (game_id, seq, op_kind, op_source, correlation_id, status, attempt,
      image_ref, container_id, outcome, requested_at, accepted_at, started_at, finished_at, exit_evidence)
    values ($1, nextval('rtmanager.operation_seq'), $2, $3, gen_random_uuid(), 'finished', 1, $4, $5, 'success',
      $6, $6, $6, $6::timestamptz + interval '800 milliseconds', $7)`;
  await store.rows(operation, [
    gameId,
    'start',
    'lobby_stream',
    imageRef,
    container,
    isoTime(STARTED_MS),
    null,
  ]);
  await store.rows(operation, [
    gameId,
    'reconcile_exit',
    'auto_reconcile',
    imageRef,
    container,
    isoTime(DIED_MS),
    JSON.stringify(evidence),
  ]);
}
