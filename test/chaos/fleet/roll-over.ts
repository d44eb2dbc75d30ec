import { assertContract } from '../../helpers/assert-contract.ts';
import { eventually } from '../../helpers/eventually.ts';
import { exchange } from '../../helpers/http-exchange.ts';
import type { Violation } from '../invariants.ts';
import type { ChaosFigures } from '../scenario.ts';
import type { Place } from './fleet.ts';
import type { Stage } from './stage.ts';

/** One ends in time, the other one outlives every replica that shuts down. */
const GAMES = ['slow', 'stubborn'] as const;

/** One replica after the other is told to stop while requests wait there, and another one comes in its place. */
export async function rollOver(stage: Stage, stops: number): Promise<ChaosFigures> {
  const { fleet, underLoad } = stage;
  const tookMs: number[] = [];
  return underLoad(
    'one of three replicas, with SIGTERM while requests wait there',
    async () => {
      await Promise.all(GAMES.map((gameId) => stage.answered('start', gameId)));
      const violations: Violation[] = [];
      for (let stop = 0; stop < stops; stop += 1) {
        const place = fleet.inTurn(stop);
        const found = await stopWhileTheyWait(stage, place);
        violations.push(...found.violations);
        tookMs.push(found.tookMs);
        await fleet.start(place);
      }
      return { times: stops, violations };
    },
    async () => ({ recoveryMs: tookMs, violations: [] }),
  );
}

async function stopWhileTheyWait(
  { fleet, world }: Stage,
  place: Place,
): Promise<{ violations: Violation[]; tookMs: number }> {
  const { url } = place.replica;
  const waiting = GAMES.map((gameId) =>
    exchange(url, `/api/v1/internal/runtimes/${gameId}/restart`, { method: 'POST', body: {} }),
  );
  const answers = Promise.allSettled(waiting);
  await eventually(
    async () => {
      const rows = await world.rows.query(
        `select distinct game_id from rtmanager.operation_log where status = 'running' and game_id = any($1)`,
        [GAMES],
      );
      return rows.length === GAMES.length;
    },
    { what: 'requests that wait', timeoutMs: 20_000 },
  );
  const { code, signal, tookMs } = await fleet.stop(place);
  const violations: Violation[] = [];
  if (code !== 0) violations.push({ kind: 'stuck', what: `a replica ended with ${signal ?? code}` });
  for (const [index, answer] of (await answers).entries()) {
    const what = `the request for ${GAMES[index]} that waited`;
    if (answer.status === 'rejected') {
      violations.push({ kind: 'lost', what: `${what} got ${answer.reason}` });
      continue;
    }
    assertContract(answer.value);
    const { status, text } = answer.value;
    if (status !== 200 && status !== 202)
      violations.push({ kind: 'lost', what: `${what} got ${status} ${text}` });
  }
  return { violations, tookMs };
}
