import { dockerFaults } from '../faults/docker-faults.ts';
import { playFaults } from '../faults/play-faults.ts';
import type { Scenario } from '../scenario.ts';

export const dockerFaultsScenario: Scenario = {
  name: 'docker-faults',
  title: 'Docker answers wrongly, late, or not at all',
  run: (size, say) => playFaults(dockerFaults, size, say),
};
