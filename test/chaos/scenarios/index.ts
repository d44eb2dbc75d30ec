import type { Scenario } from '../scenario.ts';
import { daemonRestart } from './daemon-restart.ts';
import { fuzz } from './fuzz.ts';

/** In the order in which they run, and stand in docs/reliability.md. */
export const scenarios: readonly Scenario[] = [fuzz, daemonRestart];
