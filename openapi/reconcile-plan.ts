import { OP_KIND_OF } from '../lib/reconcile-plan.ts';
import type { PlannedStep, ReconcilePlan } from '../lib/survey-drift.ts';
import type { Route } from './route.ts';

/** Compares records and containers; rejects with `docker_unavailable` when Docker does not answer. */
export type PlanReconciliation = (signal: AbortSignal) => Promise<ReconcilePlan>;

/** Serves what a reconcile pass would do now, without doing it. */
export const makeReconcilePlanRoute =
  (planReconciliation: PlanReconciliation): Route =>
  async (_request, response) => {
    const left = new AbortController();
    response.on('close', () => left.abort());
    try {
      response.json(renderPlan(await planReconciliation(left.signal)));
    } catch (error) {
      // Nobody is there any more to be told, and nothing went wrong.
      if (!left.signal.aborted) throw error;
    }
  };

const renderPlan = (plan: ReconcilePlan) => ({
  observed_at: new Date(plan.observedAtMs).toISOString(),
  docker_network: plan.network,
  records: plan.records,
  containers: plan.containers,
  in_step: plan.inStep,
  steps: plan.steps.map(renderStep),
  dispose_brake: {
    on: plan.brake.on,
    would_dispose: plan.brake.wouldDispose,
    running: plan.brake.running,
    max_share: plan.brake.maxShare,
  },
});

export const renderStep = (step: PlannedStep) => ({
  game_id: step.gameId,
  container_id: step.containerId,
  record_status: step.recordStatus,
  container_state: step.containerState,
  action: step.action,
  op_kind: step.action === 'skip_busy' ? null : OP_KIND_OF[step.action],
  reason: step.reason,
});
