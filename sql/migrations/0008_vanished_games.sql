-- Up Migration

-- Games whose container vanished are recorded as removed, among all that ever were, and still need somebody.
create index health_snapshots_vanished on rtmanager.health_snapshots (game_id) where status = 'container_disappeared';

-- Down Migration

drop index rtmanager.health_snapshots_vanished;
