import type { InspectedContainer } from './docker/container.ts';

/** What an inspection last found notable about a game's container. */
export interface Finding {
  readonly containerId: string;
  readonly restartCount: number;
  /** Each of them was told when it began, but for `gone`, which reconcile tells of. */
  readonly problems: readonly string[];
}

/** Noted of a game whose container is gone and that a reconcile pass keeps from disposal: the next whole pass decides. */
export const GONE = 'gone';

export interface Verdict {
  readonly finding: Finding;
  /** Something is wrong that was not before. */
  readonly isNews: boolean;
  /** Nothing is wrong any more. */
  readonly isOver: boolean;
  /** There is nothing to be written otherwise. */
  readonly hasChanged: boolean;
}

/**
 * What is to be made of a running container, after what was found before. A problem that goes on is the same spell and
 * no news, whatever comes and goes beside it. Of another container than this one nothing was found yet.
 */
export function judge(container: InspectedContainer, before: Finding | undefined): Verdict {
  const { id: containerId, restartCount } = container;
  const known = before?.containerId === containerId ? before : undefined;
  const was: Finding = known ?? { containerId, restartCount: 0, problems: [] };
  const problems = problemsOf(container, was.restartCount);
  const isNews = problems.some((problem) => !was.problems.includes(problem));
  return {
    finding: { containerId, restartCount, problems },
    isNews,
    isOver: problems.length === 0 && was.problems.length > 0,
    hasChanged:
      isNews ||
      problems.length !== was.problems.length ||
      (known !== undefined && restartCount !== was.restartCount),
  };
}

function problemsOf({ state, health, restartCount }: InspectedContainer, restartedBefore: number): string[] {
  // One that restarts again and again is now and then seen running: that is one problem, not two that take turns.
  const restarts = state === 'restarting' || restartCount > restartedBefore;
  return [
    ...(restarts ? ['restarts'] : []),
    ...(state === 'running' || state === 'restarting' ? [] : [state]),
    ...(health === 'unhealthy' ? ['unhealthy'] : []),
  ];
}
