import { expect } from 'chai';
import fc from 'fast-check';
import type { HealthEvent } from '../../lib/health.ts';
import { failed, HEALTHY } from '../../lib/probe-result.ts';
import { countProbe, type Probe, type ProbeCounter, type ProbeRound } from '../../lib/probe-spell.ts';
import { isProberTrouble } from '../../lib/prober-trouble.ts';

const INTERVAL_MS = 15_000;
const SLICES = 15;
const SLICE_MS = INTERVAL_MS / SLICES;
const FAILED = failed(503, '');

/** A fleet as the probe sees it: every round each game once, in the order of their phases. */
function makeFleet(games: number, threshold = 3) {
  const counters = new Map<string, ProbeCounter>();
  const told: { gameId: string; event: HealthEvent; round: number }[] = [];
  let lastTroubleAtMs: number | null = null;
  let troubled = 0;

  /** One tick: those games of the slice that were asked, by whether they are well. */
  function tick(dueAtMs: number, answers: ReadonlyMap<string, boolean>, containerId = 'c1'): void {
    const failing = new Set([...counters.keys()].filter((gameId) => answers.get(gameId) !== true));
    for (const [gameId, isWell] of answers) if (!isWell) failing.add(gameId);
    const inTrouble =
      [...answers.values()].includes(false) && isProberTrouble({ probed: games, failing: failing.size });
    const round: ProbeRound = {
      threshold,
      intervalMs: INTERVAL_MS,
      sliceMs: SLICE_MS,
      nowMs: dueAtMs,
      games,
      inTrouble,
      lastTroubleAtMs,
    };
    for (const [gameId, isWell] of answers) {
      const probe: Probe = { gameId, containerId, result: isWell ? HEALTHY : FAILED, dueAtMs };
      const { counter, events } = countProbe(counters.get(gameId) ?? null, probe, round);
      if (counter) counters.set(gameId, counter);
      else counters.delete(gameId);
      for (const event of events) told.push({ gameId, event, round: Math.floor(dueAtMs / INTERVAL_MS) });
    }
    if (inTrouble) lastTroubleAtMs = dueAtMs;
    troubled += Number(inTrouble);
  }

  return {
    counters,
    told,
    get troubled() {
      return troubled;
    },
    tick,
    /** One round: game `g{n}` has the phase n. */
    round(number: number, isWell: (game: number, slice: number) => boolean): void {
      for (let slice = 0; slice < SLICES; slice += 1) {
        const answers = new Map<string, boolean>();
        for (let game = 0; game < games; game += 1) {
          if (Math.floor((game * SLICES) / games) === slice) answers.set(`g${game}`, isWell(game, slice));
        }
        tick(number * INTERVAL_MS + slice * SLICE_MS, answers);
      }
    },
    toldOf: (gameId: string) => told.filter((one) => one.gameId === gameId).map(({ event }) => event),
  };
}

/** A game by itself, in a fleet that is too small to say anything about the prober. */
function tell(threshold: number, results: readonly boolean[]): HealthEvent[] {
  const fleet = makeFleet(1, threshold);
  for (const [index, isWell] of results.entries()) fleet.round(index, () => isWell);
  return fleet.toldOf('g0');
}
const short = (events: readonly HealthEvent[]) => events.map(({ type, details }) => [type, details]);

describe('a spell of failed probes (failure mode 17)', () => {
  const failure = (count: number) => [
    'probe_failed',
    { consecutive_failures: count, last_status: 503, last_error: '' },
  ];
  const recovery = (count: number) => ['probe_recovered', { prior_failure_count: count }];

  it('is told at the threshold, once, and its end once', () => {
    expect(short(tell(3, [true, false, false]))).to.deep.equal([]);
    expect(short(tell(3, [true, false, false, false]))).to.deep.equal([failure(3)]);
    expect(short(tell(3, [false, false, false, false, false]))).to.deep.equal([failure(3)]);
    expect(short(tell(3, [false, false, false, false, false, true, true]))).to.deep.equal([
      failure(3),
      recovery(5),
    ]);
  });

  it('ends untold when it ends before the threshold', () => {
    expect(tell(3, [false, false, true, false, false, true])).to.deep.equal([]);
  });

  it('is told anew when it is another one', () => {
    expect(short(tell(2, [false, false, true, false, false, false, true]))).to.deep.equal([
      failure(2),
      recovery(2),
      failure(2),
      recovery(3),
    ]);
  });

  it('is told with the first failure where that is the threshold', () => {
    expect(short(tell(1, [true, false, true, false]))).to.deep.equal([failure(1), recovery(1), failure(1)]);
  });

  it('is told once and its end once, in turns, whatever the results', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5 }),
        fc.array(fc.boolean(), { maxLength: 60 }),
        (threshold, results) => {
          const types = tell(threshold, results).map(({ type }) => type);
          for (const [index, type] of types.entries()) {
            expect(type).to.equal(index % 2 === 0 ? 'probe_failed' : 'probe_recovered');
          }
          // Its own simple sum: runs of failures that are long enough, the last of which may go on.
          const runs = results
            .map((isWell) => (isWell ? ' ' : 'x'))
            .join('')
            .split(' ');
          const long = runs.filter((run) => run.length >= threshold).length;
          const goesOn = (runs.at(-1)?.length ?? 0) >= threshold;
          expect(types).to.have.length(2 * long - Number(goesOn));
        },
      ),
    );
  });

  it('is over with the container: another one begins at nothing, and neither is told of the other', () => {
    const fleet = makeFleet(1, 2);
    const one = (isWell: boolean) => new Map([['g0', isWell]]);
    fleet.tick(0, one(false));
    fleet.tick(INTERVAL_MS, one(false), 'c2');
    expect(fleet.told).to.deep.equal([]);
    fleet.tick(2 * INTERVAL_MS, one(false), 'c2');
    expect(short(fleet.toldOf('g0'))).to.deep.equal([failure(2)]);
    fleet.tick(3 * INTERVAL_MS, one(true), 'c3');
    expect(fleet.told).to.have.length(1);
    expect(fleet.counters.size).to.equal(0);
  });

  it('counts a tick once, however often it is run, and none that was overtaken', () => {
    const fleet = makeFleet(1, 3);
    const one = (isWell: boolean) => new Map([['g0', isWell]]);
    for (let times = 0; times < 5; times += 1) fleet.tick(INTERVAL_MS, one(false));
    fleet.tick(0, one(false));
    fleet.tick(0, one(true));
    fleet.tick(INTERVAL_MS, one(true));
    expect(fleet.counters.get('g0')).to.include({ consecutiveFailures: 1, observedAt: INTERVAL_MS });
    // A clock that was set back by an hour does not stop the count for an hour.
    fleet.tick(INTERVAL_MS - 3_600_000, one(false));
    expect(fleet.counters.get('g0')).to.include({ consecutiveFailures: 2 });
  });

  it('tells what was wrong last', () => {
    const fleet = makeFleet(1, 1);
    fleet.round(0, () => false);
    expect(fleet.counters.get('g0')).to.include({ lastStatus: 503, lastError: '', told: true });
  });
});

describe('a round of probes (failure mode 17)', () => {
  const ALL = 30;

  it('in which more than half of the games fail tells of none, however long that goes on', () => {
    for (const threshold of [1, 2, 3]) {
      const fleet = makeFleet(ALL, threshold);
      for (let round = 0; round < 20; round += 1) fleet.round(round, () => round < 3 || round > 16);
      expect(fleet.told, `threshold ${threshold}`).to.deep.equal([]);
      expect(fleet.troubled).to.be.above(0);
      expect(fleet.counters.size).to.equal(0);
    }
  });

  it('tells of none either when the trouble begins and ends in the middle of one, wherever', () => {
    for (const threshold of [1, 2, 3]) {
      fc.assert(
        fc.property(fc.nat(SLICES - 1), fc.integer({ min: SLICES, max: 8 * SLICES }), (begin, length) => {
          const fleet = makeFleet(ALL, threshold);
          for (let round = 0; round < 14; round += 1) {
            fleet.round(round, (_game, slice) => {
              const at = (round - 2) * SLICES + slice;
              return at < begin || at >= begin + length;
            });
          }
          expect(fleet.told).to.deep.equal([]);
        }),
      );
    }
  });

  it('in which half of them fail, or fewer, tells of each', () => {
    for (const threshold of [1, 2, 3]) {
      const fleet = makeFleet(ALL, threshold);
      for (let round = 0; round < 6; round += 1) fleet.round(round, (game) => round === 5 || game % 2 === 0);
      expect(fleet.troubled).to.equal(0);
      expect(fleet.told.map(({ event }) => event.type)).to.deep.equal([
        ...Array(15).fill('probe_failed'),
        ...Array(15).fill('probe_recovered'),
      ]);
    }
  });

  it('tells of all of nine games', () => {
    const fleet = makeFleet(9, 3);
    for (let round = 0; round < 3; round += 1) fleet.round(round, () => false);
    expect(fleet.told.map(({ event }) => event.type)).to.deep.equal(Array(9).fill('probe_failed'));
  });

  it('tells of one game with its third failure, neither earlier nor later, however many do well', () => {
    for (const games of [1, 9, 10, 30]) {
      const fleet = makeFleet(games, 3);
      for (let round = 0; round < 6; round += 1) fleet.round(round, (game) => game > 0 || round < 2);
      expect(fleet.told.map(({ round }) => round)).to.deep.equal([4]);
    }
  });

  it('waits a round with a threshold of one, among ten games or more, and then tells of both ends', () => {
    const fleet = makeFleet(30, 1);
    for (let round = 0; round < 6; round += 1) fleet.round(round, (game) => game !== 7 || round !== 2);
    expect(fleet.told.map(({ round, event }) => [round, event.type])).to.deep.equal([
      [3, 'probe_failed'],
      [3, 'probe_recovered'],
    ]);
  });

  it('does not count the failures of a round that was in trouble, not even those before it was seen', () => {
    const fleet = makeFleet(30, 3);
    // The last one of a round has failed twice when all the others begin to.
    for (let round = 0; round < 2; round += 1) fleet.round(round, (game) => game !== 29);
    for (let round = 2; round < 5; round += 1) fleet.round(round, () => false);
    // Each has one that may count, if the trouble is over before the next.
    expect(fleet.counters.get('g29')).to.include({ consecutiveFailures: 2, told: false });
    expect(fleet.counters.get('g0')).to.include({ consecutiveFailures: 1 });
    expect(fleet.told).to.deep.equal([]);
    for (let round = 5; round < 9; round += 1) fleet.round(round, (game) => game !== 29 && game !== 28);
    expect(fleet.told.map(({ gameId, round }) => [gameId, round])).to.deep.equal([
      ['g29', 6],
      ['g28', 7],
    ]);
  });

  it('tells each spell once and its end once, whatever happens to all the others', () => {
    const world = fc.array(
      fc.record({ allFail: fc.boolean(), failing: fc.uniqueArray(fc.nat(11), { maxLength: 12 }) }),
      { minLength: 1, maxLength: 15 },
    );
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 1, max: 12 }),
        world,
        (threshold, games, rounds) => {
          const fleet = makeFleet(games, threshold);
          for (const [number, { allFail, failing }] of rounds.entries()) {
            fleet.round(number, (game) => !allFail && !failing.includes(game));
          }
          for (let game = 0; game < games; game += 1) {
            for (const [index, { type }] of fleet.toldOf(`g${game}`).entries()) {
              expect(type).to.equal(index % 2 === 0 ? 'probe_failed' : 'probe_recovered');
            }
          }
        },
      ),
    );
  });
});
