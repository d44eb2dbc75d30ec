import type { Scenario } from '../scenario.ts';
import { replicas } from './replicas.ts';
import { soak } from './soak.ts';
import { tenThousand } from './ten-thousand.ts';

/** In the order in which they run, and stand in docs/reliability.md. */
export const scenarios: readonly Scenario[] = [replicas, tenThousand, soak];
