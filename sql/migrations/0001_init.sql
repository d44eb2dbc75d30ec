-- Up Migration

-- One row a database: tells two Runtime Managers that share a Redis apart (names of queues and keys).
create table rtmanager.deployment (
  only_row boolean primary key default true check (only_row),
  deployment_id text not null default substr(md5(gen_random_uuid()::text), 1, 12)
);
insert into rtmanager.deployment default values;

create table rtmanager.runtime_records (
  game_id text collate "C" primary key,
  status text not null check (status in ('running', 'stopped', 'removed')),
  current_container_id text,
  current_image_ref text not null,
  image_digest text,
  engine_endpoint text not null,
  state_path text not null,
  docker_network text not null,
  created_at timestamptz not null,
  started_at timestamptz,
  stopped_at timestamptz,
  removed_at timestamptz,
  last_op_at timestamptz not null,
  constraint running_has_container check (status <> 'running' or current_container_id is not null)
);
-- Listing by status, paged by game.
create index runtime_records_by_status on rtmanager.runtime_records (status, game_id);
-- Expiry of stopped containers, oldest first.
create index runtime_records_stopped_since on rtmanager.runtime_records (last_op_at) where status = 'stopped';

create sequence rtmanager.operation_seq;

-- From acceptance to outcome: the durable queue of every game and the audit trail at once.
create table rtmanager.operation_log (
  operation_id uuid primary key default gen_random_uuid(),
  game_id text collate "C" not null,
  -- Arrival order; null for the inner entries of another operation, which have no turn of their own.
  seq bigint,
  op_kind text not null check (op_kind in ('start', 'stop', 'restart', 'patch', 'cleanup_container',
    'reconcile_adopt', 'reconcile_dispose', 'reconcile_exit')),
  op_source text not null check (op_source in ('lobby_stream', 'gm_rest', 'admin_rest', 'auto_ttl', 'auto_reconcile')),
  source_ref text,
  parent_operation_id uuid,
  request_hash text,
  correlation_id uuid not null,
  status text not null default 'queued' check (status in ('queued', 'running', 'finished')),
  attempt integer not null default 0,
  lease_until timestamptz,
  not_before timestamptz,
  -- When Docker was first found unreachable; the retry window counts from here.
  retrying_since timestamptz,
  -- An attempt ended without knowing whether it left a container; no failure is final before a look.
  rollback_pending boolean not null default false,
  image_ref text,
  reason text,
  container_id text,
  outcome text check (outcome in ('success', 'failure')),
  error_code text,
  error_message text,
  requested_at timestamptz not null,
  accepted_at timestamptz not null default now(),
  started_at timestamptz,
  finished_at timestamptz,
  constraint running_has_lease check ((status = 'running') = (lease_until is not null)),
  constraint finished_has_outcome check ((status = 'finished') = (outcome is not null and finished_at is not null)),
  constraint failure_has_code check (outcome is distinct from 'failure' or error_code is not null),
  constraint only_inner_without_seq check (seq is not null or parent_operation_id is not null)
);
-- A request that comes twice is one operation.
create unique index operation_log_source on rtmanager.operation_log (op_source, source_ref) where source_ref is not null;
-- At most one running operation a game: the database itself refuses a second one.
create unique index operation_log_one_running on rtmanager.operation_log (game_id) where status = 'running';
-- The head of a game's queue.
create unique index operation_log_queue on rtmanager.operation_log (game_id, seq) where status <> 'finished';
-- Repair: work that nobody may have been told of, oldest first.
create index operation_log_queued on rtmanager.operation_log (seq) where status = 'queued';
create index operation_log_leases on rtmanager.operation_log (lease_until) where status = 'running';
-- Audit, newest first.
create index operation_log_history on rtmanager.operation_log (game_id, accepted_at desc, operation_id desc);
create index operation_log_children on rtmanager.operation_log (parent_operation_id) where parent_operation_id is not null;

-- An outcome is recorded once: whatever writes later is refused, not merged.
create function rtmanager.refuse_change_of_finished_operation() returns trigger language plpgsql as $$
begin
  raise exception 'operation % is finished and never changes', old.operation_id using errcode = '23514';
end $$;
create trigger operation_log_finished_is_final before update on rtmanager.operation_log
  for each row when (old.status = 'finished')
  execute function rtmanager.refuse_change_of_finished_operation();

create table rtmanager.health_snapshots (
  game_id text collate "C" primary key,
  container_id text,
  status text not null check (status in ('healthy', 'exited', 'oom', 'container_disappeared', 'inspect_unhealthy', 'probe_failed')),
  source text not null check (source in ('docker_event', 'probe', 'inspect', 'start', 'reconcile')),
  details jsonb not null,
  observed_at timestamptz not null
);

-- Messages for the outgoing streams, written with the change they tell of.
create table rtmanager.outbox (
  outbox_id bigint generated always as identity primary key,
  -- Messages of one game leave in order; dead letters without a readable game share the empty one.
  game_id text collate "C" not null,
  channel text not null check (channel in ('job_results', 'health_events', 'notification_intents', 'dead_letters')),
  fields jsonb not null,
  -- Set where a message may be written by two paths, or by one path twice; the second is dropped.
  dedupe_key text,
  created_at timestamptz not null default now(),
  published_at timestamptz,
  entry_id text,
  -- The Redis (and its life) that holds the entry; another one means: look whether it is still there.
  redis_epoch text,
  constraint published_has_entry check ((published_at is null) = (entry_id is null))
);
create unique index outbox_dedupe on rtmanager.outbox (dedupe_key) where dedupe_key is not null;
create index outbox_waiting on rtmanager.outbox (game_id, outbox_id) where published_at is null;
create index outbox_published on rtmanager.outbox (published_at) where published_at is not null;
create index outbox_epoch on rtmanager.outbox (redis_epoch, outbox_id) where published_at is not null;

-- The last accepted entry of each inbound stream: position, order and fence of the pump in one value.
create table rtmanager.stream_cursors (
  stream text primary key,
  last_id text not null,
  updated_at timestamptz not null default now()
);

-- Down Migration

drop schema rtmanager cascade;
