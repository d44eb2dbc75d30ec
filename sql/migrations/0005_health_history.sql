-- Up Migration

-- What the last attempt failed with, of an operation that is run again. First of all, for an older replica that commits
-- locks this table before the outbox.
alter table rtmanager.operation_log add column last_error text;

-- What was told of each game's health, for as long as the log of operations is kept. The stream is trimmed, and the
-- outbox forgets what it has published.
create table rtmanager.health_events (
  game_id text collate "C" not null,
  occurred_at timestamptz not null,
  -- The message that told it.
  outbox_id bigint not null,
  container_id text not null,
  event_type text not null,
  -- JSON, letter by letter as it was told: what jsonb refuses must cost no operation its outcome.
  details text not null,
  primary key (game_id, occurred_at, outbox_id)
);
-- Expiry.
create index health_events_expiry on rtmanager.health_events (occurred_at);

-- By the statement that tells it, whoever that is: an older version, too, while this one takes over from it. A message
-- that is dropped because it was told before is not among the added ones.
create function rtmanager.keep_health_events() returns trigger language plpgsql as $$
begin
  insert into rtmanager.health_events (game_id, occurred_at, outbox_id, container_id, event_type, details)
  select game_id, to_timestamp((told ->> 'occurred_at_ms')::float8 / 1000), outbox_id, told ->> 'container_id',
    told ->> 'event_type', told ->> 'details'
  from (
    select game_id, outbox_id, (
      select jsonb_object_agg(field ->> 0, field ->> 1) from jsonb_array_elements(fields) as field) as told
    from added where channel = 'health_events') as event
  where told ?& array['container_id', 'event_type', 'occurred_at_ms', 'details'];
  return null;
end $$;
create trigger outbox_health_events after insert on rtmanager.outbox
  referencing new table as added for each statement execute function rtmanager.keep_health_events();

-- What kept the last pass over all games from disposing any; there is no row when nothing did.
create table rtmanager.reconcile_hold (
  only_row boolean primary key default true check (only_row),
  observed_at timestamptz not null,
  -- Docker was another daemon than the records tell of; else so many games were lost at once that the brake is on.
  daemon_changed boolean not null,
  would_dispose integer not null,
  running integer not null
);

-- Down Migration

drop table rtmanager.reconcile_hold;
alter table rtmanager.operation_log drop column last_error;
drop trigger outbox_health_events on rtmanager.outbox;
drop function rtmanager.keep_health_events();
drop table rtmanager.health_events;
