import { playFaults } from '../faults/play-faults.ts';
import { redisFaults } from '../faults/redis-faults.ts';
import type { Scenario } from '../scenario.ts';

export const redisFaultsScenario: Scenario = {
  name: 'redis-faults',
  title: 'Redis dies, is silent, or takes nothing more',
  run: (size, say) => playFaults(redisFaults, size, say),
};
