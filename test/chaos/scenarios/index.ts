import type { Scenario } from '../scenario.ts';
import { crashMatrix } from './crash-matrix.ts';

/** In the order in which they run, and stand in docs/reliability.md. */
export const scenarios: readonly Scenario[] = [crashMatrix];
