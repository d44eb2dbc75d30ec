import { playFaults } from '../faults/play-faults.ts';
import { postgresFaults } from '../faults/postgres-faults.ts';
import type { Scenario } from '../scenario.ts';

export const postgresFaultsScenario: Scenario = {
  name: 'postgres-faults',
  title: 'PostgreSQL dies, is silent, or takes nothing more',
  run: (size, say) => playFaults(postgresFaults, size, say),
};
