import { setTimeout as delay } from 'node:timers/promises';
import type { Ending } from './ending.ts';
import type { Lane } from './lane.ts';
import { playStory } from './play.ts';
import type { Story } from './stories.ts';

/** Longer than anything that an idle replica repeats. */
const IDLE_MS = 5_000;

/** A boundary without the number of its time. */
export const nameOf = (boundary: string): string => boundary.replace(/ #\d+$/, '');

/**
 * What an operation asks for when it takes long: its lease is renewed by the clock, and a pool opens one more connection.
 * An operation may come to it on a busy machine and never again.
 */
export const isByTheClock = (boundary: string): boolean =>
  boundary.includes('set lease_until = clock_timestamp()') || boundary.includes('pg_catalog.set_config(');

/** What a replica asks for that has nothing to do. */
export async function watchIdle({ victim }: Lane): Promise<ReadonlySet<string>> {
  await victim.watch();
  await delay(IDLE_MS);
  return new Set((await victim.trace()).map(nameOf));
}

/**
 * The boundaries of a story, as two runs show them that nobody disturbs, and how it ends.
 *
 * @param idle what happens anyway, and belongs to no operation
 * @throws when the story does not end as it says, or breaks an invariant by itself
 */
export async function findBoundaries(
  lane: Lane,
  story: Story,
  idle: ReadonlySet<string>,
): Promise<{ readonly boundaries: readonly string[]; readonly ending: Ending }> {
  const first = await playStory(lane, story);
  const second = await playStory(lane, story, { expected: first.ending });
  const [problem] = [...first.violations, ...second.violations];
  if (problem) throw new Error(`${story.name}, undisturbed: ${problem.what}`);
  const outer = first.ending.operations.filter((one) => !one.startsWith('- '));
  if (!outer.at(-1)?.endsWith(` ${story.ends}`)) throw new Error(`${story.name} ended as ${outer.at(-1)}`);
  const again = new Set(second.trace);
  const boundaries = [...new Set(first.trace)].filter(
    (boundary) => again.has(boundary) && !idle.has(nameOf(boundary)),
  );
  return { boundaries, ending: first.ending };
}
