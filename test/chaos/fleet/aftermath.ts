import { setTimeout as delay } from 'node:timers/promises';
import type { Rows } from '../../helpers/rows.ts';
import { findViolations, type Violation } from '../invariants.ts';
import type { Clients } from './clients.ts';
import type { DaemonView } from './paced-daemon.ts';

/** Where to look when everything is over. */
interface Aftermath {
  readonly rows: Rows;
  readonly clients: Clients;
  readonly look: () => DaemonView | Promise<DaemonView>;
  readonly disturbedFiles: () => Promise<readonly string[]>;
}

/** Two reconcile passes, and the operations that they queue. */
const HEALED_WITHIN_MS = 15_000;
const AGAIN_MS = 500;

/**
 * What is wrong when everything is answered. What drifted apart may heal for a while yet, by itself; what was lost,
 * doubled or overtaken never does.
 */
export async function judge({
  rows,
  clients,
  look,
  disturbedFiles,
}: Aftermath): Promise<readonly Violation[]> {
  await clients.settle();
  const { asked, accepted, results } = clients;
  const deadlineMs = performance.now() + HEALED_WITHIN_MS;
  for (;;) {
    const seen = await look();
    const violations = await findViolations({
      ...{ rows, asked, accepted, results, ...seen },
      disturbed: [...seen.disturbed, ...(await disturbedFiles())],
    });
    if (violations.length === 0 || performance.now() > deadlineMs) return violations;
    await delay(AGAIN_MS);
  }
}
