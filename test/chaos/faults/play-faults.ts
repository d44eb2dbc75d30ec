import { setTimeout as delay } from 'node:timers/promises';
import { eventually } from '../../helpers/eventually.ts';
import { makeRows, type Rows } from '../../helpers/rows.ts';
import { findViolations, type Violation } from '../invariants.ts';
import type { ChaosFigures, Size } from '../scenario.ts';
import { conductOf, untilNamed, untilReady } from './conduct.ts';
import type { Fault } from './fault.ts';
import { type FaultWorld, makeFaultWorld } from './fault-world.ts';
import { allEnded, containersOf, noneUnfinished, readResults, twoPasses } from './look-after.ts';
import { makeTraffic, type Traffic } from './traffic.ts';

const GAMES = 20;
/** Asked for before the blow, so that it falls on work that is under way. */
const REQUESTS_BEFORE = 30;
/** How long anything may take to come to its end once everything is mended. */
const CAUGHT_UP_WITHIN_MS = 60_000;
/** Entries so young may be lost with their stream: a pump that works reads them within milliseconds. */
const UNREAD_MS = 1_000;

/** Lets one fault follow the other while requests flow in, and looks after each at what came of it. */
export async function playFaults(
  faults: readonly Fault[],
  size: Size,
  say: (progress: string) => void,
): Promise<readonly ChaosFigures[]> {
  if (!faults.some(({ lastsMs }) => lastsMs[size] !== undefined)) return [];
  const world = await makeFaultWorld();
  const figures: ChaosFigures[] = [];
  const told = new Set<string>();
  let exits: readonly (number | null)[] = [];
  try {
    const traffic = makeTraffic(world, GAMES);
    for (const fault of faults) {
      const lastsMs = fault.lastsMs[size];
      if (lastsMs === undefined) continue;
      const played = await playFault(world, traffic, fault, lastsMs);
      if (played) {
        // Everything is looked at each time; what one fault has left is not the next one's.
        figures.push({ ...played, violations: played.violations.filter(({ what }) => !told.has(what)) });
        for (const { what } of played.violations) told.add(what);
      }
      const [recoveryMs = Number.POSITIVE_INFINITY] = played?.recoveryMs ?? [];
      const what = played
        ? `${played.requests} requests, ${played.violations.length} violations, caught up after ${recoveryMs.toFixed(0)} ms`
        : 'not to be had on this machine';
      say(`${fault.what}: ${what}`);
    }
  } finally {
    exits = await world.close();
  }
  const ended = exits.filter((code) => code !== 0);
  return ended.length === 0
    ? figures
    : [...figures, lineOf('the end of the replicas', [{ kind: 'conduct', what: `ended with ${ended}` }])];
}

const lineOf = (what: string, violations: readonly Violation[]): ChaosFigures => ({
  what,
  times: 1,
  requests: 0,
  violations,
  recoveryMs: [],
});

async function playFault(
  world: FaultWorld,
  traffic: Traffic,
  fault: Fault,
  lastsMs: number,
): Promise<ChaosFigures | undefined> {
  const begun = traffic.count();
  traffic.resume();
  await eventually(() => traffic.count() >= begun + REQUESTS_BEFORE, { what: 'requests to be under way' });
  const struckAtMs = Date.now();
  const heal = await fault.strike(world);
  if (!heal) {
    await traffic.pause();
    return undefined;
  }
  const silent = await untilNamed(world.replicas, fault.names);
  await delay(Math.max(0, struckAtMs + lastsMs - Date.now()));
  // To the end: not only when it began.
  const forgotten = await untilNamed(world.replicas, fault.names);
  const lostUntilMs = Date.now();
  await heal();
  const healedAtMs = performance.now();
  const interrupted = traffic.take();
  await using rows = await openRows(world);
  if (fault.losesStreams) {
    // Other services' to write again: those that RTM can not have read.
    const known = await rows.query('select source_ref as ref from rtmanager.operation_log');
    traffic.forgetUnread(new Set(known.map(({ ref }) => String(ref))), struckAtMs - UNREAD_MS, lostUntilMs);
  }
  const catchUp = async (): Promise<readonly number[]> =>
    (await allEnded(world, rows, traffic.known(interrupted), CAUGHT_UP_WITHIN_MS))
      ? [performance.now() - healedAtMs]
      : [];
  const [unready, recoveryMs] = await Promise.all([
    untilReady(world.replicas, fault.readyWithinMs),
    catchUp(),
  ]);
  await traffic.pause();
  await allEnded(world, rows, traffic.take(), CAUGHT_UP_WITHIN_MS);
  await twoPasses(world);
  await noneUnfinished(rows);
  const violations = await findViolations({
    rows,
    ...traffic.all(),
    results: await readResults(world),
    containers: containersOf(world.docker),
  });
  return {
    what: fault.what,
    times: 1,
    requests: traffic.count() - begun,
    violations: [...silent, ...forgotten, ...unready, ...conductOf(world.replicas, traffic), ...violations],
    recoveryMs,
  };
}

async function openRows({ postgres }: FaultWorld): Promise<Rows & AsyncDisposable> {
  const rows = await makeRows(postgres);
  return { ...rows, [Symbol.asyncDispose]: () => rows.close() };
}
