import { isCreate, isRemove, isStart, isStop } from '../../helpers/docker-proxy.ts';
import { eventually } from '../../helpers/eventually.ts';
import { exchange } from '../../helpers/http-exchange.ts';
import type { Violation } from '../invariants.ts';
import type { ChaosFigures } from '../scenario.ts';
import type { Place } from './fleet.ts';
import {
  claimsOf,
  findInterrupted,
  findTakeovers,
  type Interrupted,
  takenWithinMs,
} from './interrupted-work.ts';
import type { Act, Stage } from './stage.ts';

/** On its way to which call of a restart a replica falls asleep; two at once, so that one is left awake. */
const PAIRS = [
  [isCreate, isStop],
  [isRemove, isStart],
] as const;

/**
 * Replicas get no time until others have ended their work, and the games have gone on to another container. Then they
 * wake up, and must touch nothing that they had in hand.
 */
export async function pauseEach(stage: Stage, pauses: number): Promise<ChaosFigures> {
  const { fleet, world, underLoad } = stage;
  const interrupted: Interrupted[] = [];
  return underLoad(
    'two of three replicas, with SIGSTOP until their leases are over, then SIGCONT',
    async () => {
      const violations: Violation[] = [];
      let times = 0;
      for (let pause = 0; pause < pauses; pause += 1) {
        const pair = PAIRS[pause % PAIRS.length] ?? PAIRS[0];
        const games = pair.map((_, index) => `asleep-${pause}-${index}`);
        await Promise.all(games.map((gameId) => stage.answered('start', gameId)));
        const asleep = await fallAsleep(stage, pair, games);
        times += asleep.size;
        const askedAtMs = performance.now();
        await stage.answered('start', `bystander-${pause}`);
        const answeredMs = performance.now() - askedAtMs;
        if (answeredMs > takenWithinMs(stage.size))
          violations.push({
            kind: 'stuck',
            what: `a request was answered after ${Math.round(answeredMs)} ms`,
          });
        const theirs = [...asleep.values()].flat();
        interrupted.push(...theirs);
        await eventually(() => areEnded(stage, theirs), {
          what: 'others to end the work',
          timeoutMs: 20_000,
        });
        for (const kind of ['stop', 'start'] as const)
          await Promise.all(games.map((gameId) => stage.answered(kind, gameId)));
        for (const [place, work] of asleep) violations.push(...(await wakeUp(stage, place, work)));
      }

      return { times, violations };
    },
    async () => {
      const { endedMs, violations } = await findTakeovers(
        world.rows,
        fleet.replicas,
        interrupted,
        stage.size,
      );
      return { recoveryMs: endedMs, violations };
    },
  );
}

/** Restarts each game; the replica that comes to the game's call first is paused. Returns what each had in hand. */
async function fallAsleep(
  stage: Stage,
  pair: readonly (typeof isCreate)[],
  games: readonly string[],
): Promise<Map<Place, Interrupted[]>> {
  const asleep = new Map<Place, Interrupted[]>();
  const points = new Map(games.map((gameId, index) => [gameId, pair[index] as typeof isCreate]));
  const struck = new Map<Place, number>();
  stage.onAct = (place, { call, gameId }) => {
    if (!points.get(gameId)?.(call)) return;
    points.delete(gameId);
    if (!struck.has(place)) struck.set(place, Date.now());
    stage.fleet.pause(place);
  };
  for (const gameId of games) {
    const [url = ''] = stage.fleet.urls();
    await exchange(url, `/api/v1/internal/runtimes/${gameId}/restart`, {
      method: 'POST',
      body: {},
      headers: { Prefer: 'respond-async' },
    });
  }
  await eventually(() => points.size === 0, { what: 'replicas to fall asleep', timeoutMs: 20_000 });
  stage.onAct = undefined;
  for (const [place, atMs] of struck)
    asleep.set(place, [...(await findInterrupted(stage.world.rows, place.replica, atMs))]);
  return asleep;
}

async function areEnded({ world }: Stage, work: readonly Interrupted[]): Promise<boolean> {
  const unfinished = await world.rows.query(
    `select from rtmanager.operation_log where operation_id = any($1::uuid[]) and status <> 'finished'`,
    [work.map((one) => one.operationId)],
  );
  return unfinished.length === 0;
}

/** What ended under another attempt. The rest was as good as committed when the replica fell asleep. */
async function findLost({ world }: Stage, work: readonly Interrupted[]): Promise<readonly Interrupted[]> {
  const rows = await world.rows.query(
    'select operation_id, attempt from rtmanager.operation_log where operation_id = any($1::uuid[])',
    [work.map((one) => one.operationId)],
  );
  const attempts = new Map(rows.map((row) => [row.operation_id, row.attempt]));
  return work.filter((one) => attempts.get(one.operationId) !== one.attempt);
}

/** Until it has given up all that others took over. What it does in Docker, it must have claimed since. */
async function wakeUp(stage: Stage, place: Place, work: readonly Interrupted[]): Promise<Violation[]> {
  const { replica } = place;
  const wokenAtMs = Date.now();
  stage.fleet.resume(place);
  const gaveUp = ({ operationId, attempt }: Interrupted): boolean =>
    replica.lines.some(
      (line) =>
        line.operation_id === operationId &&
        line.attempt === attempt &&
        line.message === 'operation is left to another attempt',
    );
  const lost = await findLost(stage, work);
  await eventually(() => lost.every(gaveUp), { what: 'a sleeper to give up its work', timeoutMs: 10_000 });
  const claims = claimsOf(replica).filter((one) => one.atMs >= wokenAtMs);
  const isClaimed = ({ gameId, atMs }: Act) =>
    claims.some((one) => one.gameId === gameId && one.atMs <= atMs);
  return (
    (stage.acts[place.index] ?? [])
      // A container that the daemon does not know can not be harmed.
      .filter((act) => act.gameId !== '' && act.atMs > wokenAtMs && !isClaimed(act))
      .map(({ call, gameId }) => ({
        kind: 'doubled',
        what: `a sleeper woke up and sent ${call.method} ${call.path} for ${gameId}`,
      }))
  );
}
