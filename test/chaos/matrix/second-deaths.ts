import type { Ending } from './ending.ts';
import { nameOf } from './find-boundaries.ts';
import type { Blow } from './play.ts';
import type { Story } from './stories.ts';

/** What a replica comes to that takes over depends on what it finds on its way. */
const TRIES = 6;

interface Seen {
  readonly story: Story;
  readonly ending: Ending;
  readonly blows: Blow[];
}

/** Boundaries that a replica came to while it took over, each under the story that first showed it. */
export interface SecondDeaths {
  /** @param trace what the one that took over came to after this blow */
  note(story: Story, ending: Ending, blow: Blow, trace: readonly string[]): void;
  /**
   * Blows to be tried in turn for each boundary that a story has shown at least twice, but for those that are known by
   * name. What came up once came by the clock, such as the renewal of a job's lock.
   */
  of(story: Story, known: ReadonlySet<string>): readonly Omit<Seen, 'story'>[];
}

export function makeSecondDeaths(): SecondDeaths {
  const byName = new Map<string, Seen>();
  return {
    note(story, ending, blow, trace) {
      if (blow.thenAt !== undefined) return;
      for (const boundary of trace) {
        const name = nameOf(boundary);
        const seen = byName.get(name) ?? { story, ending, blows: [] };
        byName.set(name, seen);
        if (seen.story === story && seen.blows.length < TRIES) seen.blows.push({ ...blow, thenAt: boundary });
      }
    },
    of: (story, known) =>
      [...byName]
        .filter(([name, seen]) => seen.story === story && seen.blows.length > 1 && !known.has(name))
        .map(([, { ending, blows }]) => ({
          ending,
          blows: Array.from({ length: TRIES }, (_, time) => blows[time % blows.length] as Blow),
        })),
  };
}
