-- Up Migration

-- The games that are due for a probe at one moment of its interval: phases are the hash of the game.
create index runtime_records_by_phase on rtmanager.runtime_records (hashtext(game_id)) where status = 'running';

-- Of games that fail their probe, and of none else: a healthy fleet writes nothing.
create table rtmanager.probe_counters (
  game_id text collate "C" primary key,
  -- Another container than the recorded one: the count is over.
  container_id text not null,
  consecutive_failures integer not null check (consecutive_failures > 0),
  -- Without a gap in which nobody asked.
  failing_since timestamptz not null,
  -- Of the last probe: HTTP status, null without an answer; and what went wrong, in words.
  last_status integer,
  last_error text not null,
  -- `probe_failed` was sent for this spell, so `probe_recovered` will be.
  told boolean not null default false,
  -- When the last probe was due, by the schedule.
  observed_at timestamptz not null
);

-- So many games failed at once that it was taken for the prober's own trouble.
create table rtmanager.prober_trouble (
  only_row boolean primary key default true check (only_row),
  since timestamptz not null,
  last_seen_at timestamptz not null
);

-- What the inspection last found notable about a game's container; of one that was always well there is no row.
create table rtmanager.inspect_findings (
  game_id text collate "C" primary key,
  -- Another container than the recorded one: what was found of it is over.
  container_id text not null,
  restart_count integer not null,
  -- The spells that go on, such as `["paused"]`: each was told when it began.
  problems jsonb not null,
  observed_at timestamptz not null
);

-- The Docker daemon that the records tell of, and how far its events were heard, by its own clock.
create table rtmanager.docker_daemon (
  only_row boolean primary key default true check (only_row),
  daemon_id text not null,
  -- Nanoseconds since the epoch.
  event_cursor bigint not null,
  -- When it took the place of another one; null for the first.
  changed_at timestamptz,
  updated_at timestamptz not null default now()
);

-- How a container ended, as Docker told it while it still could; its last log lines.
alter table rtmanager.operation_log add column exit_evidence jsonb;

-- Expiry of the log.
create index operation_log_finished on rtmanager.operation_log (finished_at) where status = 'finished';

-- Down Migration

drop index rtmanager.operation_log_finished;
alter table rtmanager.operation_log drop column exit_evidence;
drop table rtmanager.docker_daemon;
drop table rtmanager.inspect_findings;
drop table rtmanager.prober_trouble;
drop table rtmanager.probe_counters;
drop index rtmanager.runtime_records_by_phase;
