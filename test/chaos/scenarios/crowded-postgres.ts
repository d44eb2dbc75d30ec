import { playFaults } from '../faults/play-faults.ts';
import { crowdedPostgres } from '../faults/postgres-faults.ts';
import type { Scenario } from '../scenario.ts';

export const crowdedPostgresScenario: Scenario = {
  name: 'crowded-postgres',
  title: 'PostgreSQL has no room: for connections, for locks, for data',
  run: (size, say) => playFaults(crowdedPostgres, size, say),
};
