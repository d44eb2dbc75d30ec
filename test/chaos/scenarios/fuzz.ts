import { GAME_LABEL } from '../../../lib/docker/labels.ts';
import { eventually } from '../../helpers/eventually.ts';
import { fuzzKeys } from '../fuzz/fuzz-keys.ts';
import { fuzzRest } from '../fuzz/fuzz-rest.ts';
import { FUZZ_SEED, isPlayed } from '../fuzz/fuzz-seed.ts';
import { fuzzStreams, type StreamsAsked } from '../fuzz/fuzz-streams.ts';
import { type FuzzWorld, makeFuzzWorld } from '../fuzz/fuzz-world.ts';
import { findViolations, type Violation } from '../invariants.ts';
import type { ChaosFigures, Scenario } from '../scenario.ts';

/** How much of each part, and how long at most. */
const EXTENTS = {
  short: { keys: 4, entries: 500, requests: 500, longestMs: 60_000 },
  full: { keys: 60, entries: 20_000, requests: 20_000, longestMs: 600_000 },
};
const QUIET_WITHIN_MS = 60_000;

interface Played {
  readonly cases: number;
  readonly violations: readonly Violation[];
}

/** Whatever may come from outside, while everything that RTM itself needs is well. */
export const fuzz: Scenario = {
  name: 'fuzz',
  title: 'Generated input on both job streams and on REST',
  async run(size, say) {
    await using stack = new AsyncDisposableStack();
    const world = stack.adopt(await makeFuzzWorld(), (one) => one.destroy());
    const told: StreamsAsked = { asked: [], refused: [] };
    const accepted: string[] = [];
    const figures: ChaosFigures[] = [];
    const { longestMs, ...most } = EXTENTS[size];
    const play = async (part: string, what: string, run: () => Promise<Played>): Promise<void> => {
      // Behind one that failed, the others would only be slow.
      if (!isPlayed(part) || figures.some((one) => one.violations.length > 0)) return;
      const { cases, violations } = await run();
      say(`${what}: ${cases}${violations.length > 0 ? ', of which one failed' : ''}`);
      for (const violation of violations) say(violation.what);
      figures.push({ what, times: cases, requests: cases, violations, recoveryMs: [] });
    };
    say(`RTM_FUZZ_SEED=${FUZZ_SEED}`);
    await play('keys', 'keys of the job streams, in other forms or gone', () =>
      fuzzKeys(world, { cases: most.keys, longestMs }, told),
    );
    await play('streams', 'generated stream entries', () =>
      fuzzStreams(world, { cases: most.entries, longestMs }, told),
    );
    await play('rest', 'generated REST requests', async () => {
      const played = await fuzzRest(world, { cases: most.requests, longestMs });
      accepted.push(...played.accepted);
      return played;
    });
    const after = [...(await violationsAfter(world, told, accepted)), ...(await world.complaints())];
    const requests = told.asked.length + told.refused.length + accepted.length;
    figures.push({ what: 'what all of it left', times: 1, requests, violations: after, recoveryMs: [] });
    return figures;
  },
};

async function violationsAfter(
  { rows, results, letters, docker }: FuzzWorld,
  { asked, refused }: StreamsAsked,
  accepted: readonly string[],
): Promise<readonly Violation[]> {
  await eventually(
    async () =>
      (await rows.query(`select from rtmanager.operation_log where status <> 'finished' limit 1`)).length ===
      0,
    { what: 'every operation to end', timeoutMs: QUIET_WITHIN_MS, intervalMs: 100 },
  ).catch(() => undefined); // what has not ended is a finding
  await Promise.all([results.read(), letters.read()]);
  return findViolations({
    rows,
    asked,
    accepted,
    refused,
    results: results.entries,
    letters: letters.entries,
    containers: [...docker.containers.values()].map(({ id, labels, state }) => ({
      id,
      gameId: labels?.[GAME_LABEL] ?? '',
      running: state === 'running',
    })),
  });
}
