import { diagnose, type Finding } from './diagnose.ts';
import { type Ending, endingOf, type LogTail, logTailOf } from './ending.ts';
import type { Facts } from './facts.ts';
import { type Intent, intentOf } from './intent.ts';
import { type Next, whatNext } from './what-next.ts';

/** What follows from the facts about a game. */
export interface Explanation {
  /** The most urgent first; the first one is the cause. */
  readonly findings: readonly [Finding, ...Finding[]];
  readonly intent: Intent;
  readonly next: Next;
  readonly ending: Ending | null;
  readonly logTail: LogTail | null;
}

export const explain = (facts: Facts): Explanation => ({
  findings: diagnose(facts),
  intent: intentOf(facts),
  next: whatNext(facts),
  ending: endingOf(facts),
  logTail: logTailOf(facts),
});
