import type { ReconcilePlan, ReconcileStep } from '../answers.ts';
import { shortId, table } from '../layout.ts';

/** What a reconcile pass compares, and what it would do. */
export function showPlan(plan: ReconcilePlan): string {
  const { records, containers, in_step, steps, dispose_brake: brake } = plan;
  const sums = `${records} records, ${containers} containers, ${in_step} games in step, seen ${plan.observed_at}`;
  const alarm = `The dispose brake is on: ${brake.would_dispose} of ${brake.running} running games would be disposed, and none is`;
  return [sums, ...(brake.on ? [alarm] : []), ...(steps.length > 0 ? ['', showSteps(steps)] : [])].join('\n');
}

export const showSteps = (steps: readonly ReconcileStep[]): string =>
  table(
    ['GAME', 'ACTION', 'RECORD', 'CONTAINER', 'ID', 'REASON'],
    steps.map((step) => [
      step.game_id,
      step.action,
      step.record_status,
      step.container_state,
      shortId(step.container_id),
      step.reason,
    ]),
  );
