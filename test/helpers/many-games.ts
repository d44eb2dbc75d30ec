export const GAMES = 50_000;

/** For a replica that is measured beside them, and not for how it looks after them. */
export const LOOK_AFTER_NONE = {
  RTMANAGER_PROBE_INTERVAL: '24h',
  RTMANAGER_INSPECT_INTERVAL: '24h',
  RTMANAGER_RECONCILE_INTERVAL: '24h',
};

/** Records and health snapshots as a busy installation has them after years: all of the old games are over. */
export const INSERT_MANY_GAMES = `
  insert into rtmanager.runtime_records (game_id, status, current_container_id, current_image_ref, image_digest,
    engine_endpoint, state_path, docker_network, created_at, started_at, stopped_at, removed_at, last_op_at)
  select id, status, container_id, 'galaxy/game:1.0.0', 'sha256:' || container_id, 'http://galaxy-game-' || id || ':8080',
    '/var/lib/galaxy/games/' || id, 'galaxy', now(), now(), case when status <> 'running' then now() end,
    case when status = 'removed' then now() end, now()
  from (
    select 'game-' || lpad(n::text, 6, '0') as id, md5(n::text) || md5('c' || n) as container_id,
      case when n < ${GAMES / 2} or n % 2 = 0 then 'removed' when n % 4 = 1 then 'stopped' else 'running' end as status
    from generate_series(0, ${GAMES - 1}) as n) as game;
  insert into rtmanager.health_snapshots (game_id, container_id, status, source, details, observed_at)
  select game_id, current_container_id, case status when 'running' then 'healthy' else 'exited' end,
    case status when 'running' then 'start' else 'docker_event' end,
    case status when 'running' then '{"image_ref": "galaxy/game:1.0.0"}'::jsonb else '{"exit_code": 0, "oom": false}' end,
    now()
  from rtmanager.runtime_records;`;

/** The id of one of them; a higher number is a younger game. */
export const manyGameId = (number: number): string => `game-${String(number).padStart(6, '0')}`;
