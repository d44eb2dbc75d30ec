import { type CommonQueryMethods, sql } from 'slonik';
import { type HealthSnapshot, healthSnapshot } from '../../sql/health-snapshots.ts';

/** What was last observed of the game, whether it has a record or not. */
export const getSnapshot = (db: CommonQueryMethods, gameId: string): Promise<HealthSnapshot | null> =>
  db.maybeOne(sql.type(healthSnapshot)`
    select container_id as "containerId", status, source, details, observed_at as "observedAt"
    from rtmanager.health_snapshots where game_id = ${gameId}`);
