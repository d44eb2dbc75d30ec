-- Up Migration

-- Operations that finished before are forgotten. A stream that is read again from its beginning, because its Redis lost
-- data, is read from here: what lies before was accepted once, and nothing remembers it any more.
alter table rtmanager.deployment add column operations_kept_from timestamptz;

-- Expiry of what was last observed of games that are gone.
create index health_snapshots_observed on rtmanager.health_snapshots (observed_at);

-- Down Migration

drop index rtmanager.health_snapshots_observed;
alter table rtmanager.deployment drop column operations_kept_from;
