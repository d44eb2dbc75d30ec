import type { Scenario } from '../scenario.ts';
import { crashMatrix } from './crash-matrix.ts';
import { crowdedPostgresScenario } from './crowded-postgres.ts';
import { daemonRestart } from './daemon-restart.ts';
import { dockerFaultsScenario } from './docker-faults.ts';
import { fuzz } from './fuzz.ts';
import { postgresFaultsScenario } from './postgres-faults.ts';
import { redisFaultsScenario } from './redis-faults.ts';
import { replicas } from './replicas.ts';
import { soak } from './soak.ts';
import { tenThousand } from './ten-thousand.ts';

/** In the order in which they run, and stand in docs/reliability.md. */
export const scenarios: readonly Scenario[] = [
  crashMatrix,
  replicas,
  tenThousand,
  redisFaultsScenario,
  postgresFaultsScenario,
  crowdedPostgresScenario,
  dockerFaultsScenario,
  daemonRestart,
  fuzz,
  soak,
];
