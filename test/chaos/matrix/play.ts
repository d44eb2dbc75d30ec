import { mkdir, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { shortId } from '../../../dev/session.ts';
import { GAME_LABEL } from '../../../lib/docker/labels.ts';
import { eventually } from '../../helpers/eventually.ts';
import { makeLobby, STREAMS } from '../../helpers/lobby.ts';
import { type Asked, findViolations, type Violation } from '../invariants.ts';
import { ask } from './ask.ts';
import { type Ending, lookAt } from './ending.ts';
import type { Crossing, Lane } from './lane.ts';
import type { Story } from './stories.ts';

/** Where the replica dies, and what dies with it. */
export interface Blow {
  readonly boundary: string;
  readonly crossing: Crossing;
  /** Where the replica dies that takes over; it is spared without one. */
  readonly thenAt?: string;
}

/** What came of a story. */
export interface Played {
  /** The boundaries that were reached by the replica that brought it to its end; from its start on if it took over. */
  readonly trace: readonly string[];
  /** Whether everybody died who was to. */
  readonly struck: boolean;
  readonly ending: Ending;
  readonly violations: readonly Violation[];
  /** From the last death to the end of the operation, milliseconds. */
  readonly recoveryMs?: number;
  /** From the last death to when somebody else took the operation; absent where nothing was left to be taken. */
  readonly takeoverMs?: number;
}

/** Longer than anything takes that recovers at all, on a busy machine. */
const PATIENCE_MS = 30_000;
/** The last boundaries of an operation come after everything that can be seen of it. */
const LATE_MS = 1_000;
/** Whoever wrote into a Redis that lost its data writes again when nothing comes of it. */
const UNHEARD_MS = 3_000;

/**
 * Plays a story with a game of its own, to its end.
 *
 * @param expected how it ends when nobody dies; without it, as the story itself says
 */
export async function playStory(
  lane: Lane,
  story: Story,
  { expected, blow }: { readonly expected?: Ending; readonly blow?: Blow } = {},
): Promise<Played> {
  const gameId = `game-${shortId()}`;
  const asked: Asked[] = [];
  const save = path.join(lane.stateRoot, gameId, 'save');
  for (const [place, request] of story.before.entries()) {
    asked.push(...(await ask(lane, gameId, request, `${gameId}/${place}`)));
    await eventually(async () => isOver(await lookAt(lane, gameId), place + 1), {
      what: `${gameId} to be ready for its story`,
      timeoutMs: PATIENCE_MS,
    });
  }
  await mkdir(path.dirname(save), { recursive: true });
  await writeFile(save, 'turn 1');

  const { victim } = lane;
  await victim.watch(blow?.boundary);
  const deathsAtMs: number[] = [];
  const violations: Violation[] = [];
  /** Whoever dies from then on dies in the next story. */
  let isPast = false;
  const toDie = blow ? (blow.thenAt === undefined ? 1 : 2) : 0;
  const noteDeath = (signal: NodeJS.Signals | undefined): void => {
    if (signal !== 'SIGKILL') violations.push({ kind: 'conduct', what: 'a replica ended by itself' });
    deathsAtMs.push(Date.now());
  };
  const takenOver = victim.died.then(async (signal) => {
    if (isPast) return;
    noteDeath(signal);
    if (blow) await lane.recover(blow.crossing, blow.thenAt);
  });
  const recovered = takenOver.then(async () => {
    if (isPast || blow?.thenAt === undefined) return;
    const signal = await lane.victim.died;
    if (isPast) return;
    noteDeath(signal);
    await lane.recover('nothing else');
  });
  recovered.catch(() => undefined); // awaited below, where somebody died
  const happens = async (): Promise<readonly Asked[]> => {
    if (typeof story.happens !== 'function') return ask(lane, gameId, story.happens, `${gameId}/story`);
    story.happens(lane.docker, gameId);
    return [];
  };
  // Where nobody takes a request, it is worth knowing why nobody came back.
  let last = await happens().catch(async (error: unknown) => {
    if (deathsAtMs.length > 0) await recovered;
    throw error;
  });

  const atEnd = (ending: Ending): boolean =>
    expected ? isDeepStrictEqual(ending, expected) : isOver(ending, story.operations);
  const untilEnd = (timeoutMs: number): Promise<Ending | undefined> =>
    eventually(
      async () => {
        const ending = await lookAt(lane, gameId);
        return atEnd(ending) && ending;
      },
      { what: 'the end', timeoutMs, intervalMs: 50 },
    ).catch(() => undefined);
  // What happens to a container stays as it is; a request may be lost with the Redis that it was written to.
  const mayBeUnheard = blow?.crossing === 'Redis, and its data' && typeof story.happens !== 'function';
  let ending = await untilEnd(mayBeUnheard ? UNHEARD_MS : PATIENCE_MS);
  if (!ending && mayBeUnheard) {
    const { operations } = await lookAt(lane, gameId);
    if (outer(operations).length < story.operations) last = await happens();
    ending = await untilEnd(PATIENCE_MS);
  }
  asked.push(...last);
  if (blow)
    await eventually(() => deathsAtMs.length === toDie, { what: 'the death', timeoutMs: LATE_MS }).catch(
      () => undefined,
    );
  const isStruck = (): boolean => blow !== undefined && deathsAtMs.length === toDie;
  if (isStruck()) await recovered;
  const trace = await lane.victim.trace();
  // Takes back an order that was not carried out, unless it is carried out just now.
  await lane.victim.watch();
  const struck = isStruck();
  if (deathsAtMs.length > 0) {
    await (struck ? recovered : takenOver);
    // Whoever dies after the last answer may take a Redis along that has it: the end has to come about once more.
    ending = await untilEnd(PATIENCE_MS);
  }
  isPast = true;

  if (!ending)
    violations.push({ kind: 'lost', what: `it stands at ${JSON.stringify(await lookAt(lane, gameId))}` });
  violations.push(...(await judge(lane, asked, save)));
  const diedAtMs = deathsAtMs.at(-1);
  const recoveryMs = diedAtMs === undefined ? undefined : Math.max(0, (await endOf(lane, gameId)) - diedAtMs);
  const taken = lane.victim.claims.find((claim) => claim.gameId === gameId);
  return {
    trace,
    struck,
    ending: ending ?? (await lookAt(lane, gameId)),
    violations,
    ...(recoveryMs === undefined ? {} : { recoveryMs }),
    ...(taken && diedAtMs !== undefined && taken.atMs >= diedAtMs
      ? { takeoverMs: taken.atMs - diedAtMs }
      : {}),
  };
}

const outer = (operations: readonly string[]): string[] => operations.filter((one) => !one.startsWith('- '));

const isOver = ({ operations, unsent }: Ending, count: number): boolean =>
  outer(operations).length === count &&
  operations.every((one) => !one.endsWith('unfinished')) &&
  unsent === 0;

async function judge(lane: Lane, asked: readonly Asked[], save: string): Promise<readonly Violation[]> {
  const isKept = await stat(save).then(
    () => true,
    () => false,
  );
  const results = await makeLobby({ client: lane.redis }).entries(STREAMS.jobResults);
  return findViolations({
    rows: lane.rows,
    asked,
    results,
    containers: lane.own().map(({ id, labels, state }) => ({
      id,
      gameId: labels?.[GAME_LABEL] ?? '',
      running: state === 'running',
    })),
    started: lane.started,
    disturbed: [...lane.disturbed(), ...(isKept ? [] : [`${save} is gone`])],
  });
}

/** When the last operation of the game ended, epoch milliseconds; both clocks are those of this host. */
async function endOf({ rows }: Lane, gameId: string): Promise<number> {
  const [last] = await rows.query(
    'select extract(epoch from max(finished_at))::float8 * 1000 as ms from rtmanager.operation_log where game_id = $1',
    [gameId],
  );
  return Number(last?.ms);
}
