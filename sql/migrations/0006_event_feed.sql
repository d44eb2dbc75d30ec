-- Up Migration

-- What is told live, over `GET /events`: each step of an operation and each health event, by the transaction that wrote
-- it. Complete from its first row on, which is never deleted before there is a later one.
create table rtmanager.event_feed (
  -- A feed in the order of this and `feed_id` can be read to an end: once no transaction before it is open, nothing will
  -- ever come in front of it. By a sequence alone, rows appear behind those that were read already.
  xid xid8 not null default pg_current_xact_id(),
  feed_id bigint generated always as identity,
  -- A step of this operation: what it came to, and in which attempt.
  operation_id uuid,
  status text,
  attempt integer,
  -- Or this health event.
  outbox_id bigint,
  told_at timestamptz not null default clock_timestamp(),
  primary key (xid, feed_id)
);
insert into rtmanager.event_feed default values;

-- Triggers, so that a replica of the version before tells as well while this one takes over, and no writer can forget to.
create function rtmanager.tell_step() returns trigger language plpgsql as $$
begin
  insert into rtmanager.event_feed (operation_id, status, attempt) values (new.operation_id, new.status, new.attempt);
  return null;
end $$;
create trigger operation_log_tells_request after insert on rtmanager.operation_log
  for each row execute function rtmanager.tell_step();
-- Not of a lease that is renewed.
create trigger operation_log_tells_step after update of status on rtmanager.operation_log
  for each row when (old.status <> new.status or old.attempt <> new.attempt)
  execute function rtmanager.tell_step();

create function rtmanager.tell_health() returns trigger language plpgsql as $$
begin
  insert into rtmanager.event_feed (outbox_id) values (new.outbox_id);
  return null;
end $$;
create trigger outbox_tells_health after insert on rtmanager.outbox
  for each row when (new.channel = 'health_events')
  execute function rtmanager.tell_health();

-- Down Migration

drop trigger outbox_tells_health on rtmanager.outbox;
drop trigger operation_log_tells_step on rtmanager.operation_log;
drop trigger operation_log_tells_request on rtmanager.operation_log;
drop function rtmanager.tell_health;
drop function rtmanager.tell_step;
drop table rtmanager.event_feed;
