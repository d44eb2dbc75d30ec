import pMap from 'p-map';
import type { Violation } from '../invariants.ts';
import type { Ending } from '../matrix/ending.ts';
import { findBoundaries, isByTheClock, nameOf, watchIdle } from '../matrix/find-boundaries.ts';
import { CROSSINGS, type Crossing, makeLane } from '../matrix/lane.ts';
import { makeLanes } from '../matrix/lanes.ts';
import { type Blow, type Played, playStory } from '../matrix/play.ts';
import { makeDraw } from '../matrix/sample.ts';
import { makeSecondDeaths } from '../matrix/second-deaths.ts';
import { ASKED, FOUND, type Story } from '../matrix/stories.ts';
import type { ChaosFigures, Keep, Scenario, Size } from '../scenario.ts';

/** A cell waits for leases most of its time. */
const LANES = { short: 3, full: 6 } as const;
const SHORT_STORIES = 3;
const SHORT_CELLS = 2;
/** Another run may take another way; a boundary that is not reached in so many is not covered. */
const TRIES = 3;
/** The lease of 2 s, and 5 s more. What is then to be done again may have to wait for Docker. */
const TAKEOVER_MS = 7_000;
const NO_PASSES_MS = 86_400_000;
const PASSES_MS = 1_000;

/** One story, cut short at each of its boundaries, with one more thing that dies. */
interface Row {
  readonly what: string;
  readonly story: Story;
  readonly crossing: Crossing;
  /** The one that takes over dies as well, at a boundary that only such a one comes to. */
  readonly isSecond: boolean;
  readonly recoveryMs: number[];
  readonly violations: Violation[];
  times: number;
}

interface Cell {
  readonly row: Row;
  /** Tried one after the other, until one strikes. */
  readonly blows: readonly Blow[];
  readonly ending: Ending;
}

interface Play {
  readonly size: Size;
  readonly say: (progress: string) => void;
  readonly reconcileMs: number;
  readonly keep: Keep;
}

/**
 * Every boundary of every operation: a question to PostgreSQL, Redis or Docker, before it is asked and after it is
 * answered, as a run that nobody disturbs shows them. The replica is killed there, each time with something else beside.
 * What only a replica does that takes over is found on the way, and that one is killed there in its turn.
 */
export const crashMatrix: Scenario = {
  name: 'crash-matrix',
  title: 'The crash matrix',
  async run(size, say, keep = () => undefined) {
    const rows = [
      ...(await playAll(ASKED, { size, say, reconcileMs: NO_PASSES_MS, keep })),
      ...(size === 'short' ? [] : await playAll(FOUND, { size, say, reconcileMs: PASSES_MS, keep })),
    ];
    return linesOf(rows);
  },
};

const linesOf = (rows: readonly Row[]): ChaosFigures[] =>
  rows
    .filter(({ times, violations }) => times > 0 || violations.length > 0)
    .map(({ what, times, violations, recoveryMs }) => ({
      what,
      times,
      requests: times,
      violations,
      recoveryMs,
    }));

async function playAll(
  stories: readonly Story[],
  { size, say, reconcileMs, keep }: Play,
): Promise<readonly Row[]> {
  const draw = makeDraw();
  const chosen = size === 'short' ? draw.sample(stories, SHORT_STORIES) : stories;
  const rows = chosen.flatMap(rowsOf).filter(isWanted);
  if (rows.length === 0) return [];
  say(`seed ${draw.seed}`);
  await using stack = new AsyncDisposableStack();
  const lanes = makeLanes(() => makeLane({ reconcileMs }), LANES[size]);
  stack.defer(() => lanes.close());
  const onFreeLane = lanes.run;
  const idle = await onFreeLane((lane) => watchIdle(lane));
  const known = new Set(idle);
  const later = makeSecondDeaths();

  async function play({ row, blows, ending }: Cell): Promise<void> {
    for (const blow of blows) {
      const cell = await onFreeLane((lane) => playStory(lane, row.story, { expected: ending, blow })).catch(
        (error: unknown) => brokenOff(error),
      );
      const violations = [...cell.violations];
      if (!cell.struck) {
        note(row, blow, violations);
        continue;
      }
      row.times += 1;
      const { recoveryMs = 0, takeoverMs = 0 } = cell;
      row.recoveryMs.push(recoveryMs);
      // A machine that runs the whole suite beside it is judged by nothing that it does in seconds.
      if (size === 'full' && takeoverMs > TAKEOVER_MS)
        violations.push({ kind: 'late', what: `taken over ${Math.round(takeoverMs)} ms later` });
      note(row, blow, violations);
      later.note(row.story, ending, blow, cell.trace);
      return;
    }
    const [blow] = blows;
    if (blow && !isByTheClock(blow.thenAt ?? blow.boundary))
      note(row, blow, [{ kind: 'uncovered', what: 'was never reached' }]);
  }

  function note(row: Row, blow: Blow, violations: readonly Violation[]): void {
    for (const violation of violations) {
      const told = toldOf(violation, blow);
      row.violations.push(told);
      // At once: what is told in the end is not told of a run that is broken off.
      say(`${row.what}: ${told.kind}: ${told.what}`);
    }
  }

  async function playFirst(story: Story): Promise<void> {
    const { boundaries, ending } = await onFreeLane((lane) => findBoundaries(lane, story, idle));
    for (const boundary of boundaries) known.add(nameOf(boundary));
    const cells = rows
      .filter((row) => row.story === story && !row.isSecond)
      .flatMap((row) =>
        boundaries.map((boundary): Cell => {
          const blow = { boundary, crossing: row.crossing };
          return { row, ending, blows: Array<Blow>(TRIES).fill(blow) };
        }),
      );
    const played = size === 'short' ? draw.sample(cells, SHORT_CELLS) : cells;
    say(`${story.name}: ${boundaries.length} boundaries, ${played.length} cells`);
    await pMap(played, play);
    keep(linesOf(rows.filter((row) => row.story === story && !row.isSecond)));
    say(`${story.name}: done`);
  }

  const playing = { concurrency: LANES[size] };
  await pMap(new Set(rows.map((row) => row.story)), playFirst, playing);
  const second = rows
    .filter((row) => row.isSecond)
    .flatMap((row) => later.of(row.story, known).map((cell): Cell => ({ row, ...cell })));
  if (second.length > 0) say(`${second.length} boundaries of those who take over`);
  await pMap(second, play);
  return rows;
}

function rowsOf(story: Story): Row[] {
  const row = (also: string, crossing: Crossing, isSecond = false): Row => ({
    what: `${story.name}: the replica, and ${also}`,
    story,
    crossing,
    isSecond,
    recoveryMs: [],
    violations: [],
    times: 0,
  });
  return [
    ...CROSSINGS.map((crossing) => row(crossing, crossing)),
    row('the one that takes over', 'nothing else', true),
  ];
}

const toldOf = ({ kind, what }: Violation, { boundary, crossing, thenAt }: Blow): Violation => ({
  kind,
  what: `${[boundary, crossing, thenAt].filter(Boolean).join(', and ')}: ${what}`,
});

/** RTM_CHAOS_ROWS, a regular expression, picks some of the rows, by their names in the table. */
const isWanted = ({ what }: Row): boolean => new RegExp(process.env.RTM_CHAOS_ROWS ?? '').test(what);

/** What can not even be asked, or does not come back, is a violation; the run goes on. */
const brokenOff = (error: unknown): Omit<Played, 'ending'> => ({
  struck: true,
  trace: [],
  violations: [{ kind: 'stuck', what: String(error) }],
});
