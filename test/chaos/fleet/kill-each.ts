import { setTimeout as delay } from 'node:timers/promises';
import type { ChaosFigures } from '../scenario.ts';
import { findInterrupted, findTakeovers, type Interrupted } from './interrupted-work.ts';
import type { Stage } from './stage.ts';

/** So long a new replica takes part before the next one dies. */
const BETWEEN_MS = 400;

/** One replica after the other dies in the middle of its work; another one comes in its place. */
export async function killEach(
  { fleet, world, size, underLoad }: Stage,
  kills: number,
): Promise<ChaosFigures> {
  const { rows } = world;
  const interrupted: Interrupted[] = [];
  return underLoad(
    'one of three replicas, with SIGKILL',
    async () => {
      for (let kill = 0; kill < kills; kill += 1) {
        await delay(BETWEEN_MS);
        const place = fleet.inTurn(kill);
        const killedAtMs = Date.now();
        await fleet.kill(place);
        interrupted.push(...(await findInterrupted(rows, place.replica, killedAtMs)));
        await fleet.start(place);
      }
      return { times: kills, violations: [] };
    },
    async () => {
      const { endedMs, violations } = await findTakeovers(rows, fleet.replicas, interrupted, size);
      return { recoveryMs: endedMs, violations };
    },
  );
}
