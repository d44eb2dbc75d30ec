import { randomUUID } from 'node:crypto';
import { handlers } from '../../handlers/index.ts';
import { planReconciliation, reconcileRuntimes } from '../../handlers/reconcile-runtimes.ts';
import type { TickContext } from '../../handlers/types.ts';
import { GAME_LABEL, IMAGE_LABEL, OPERATION_LABEL, OWNER, OWNER_LABEL } from '../../lib/docker/labels.ts';
import type { OpKind } from '../../lib/operation.ts';
import type { ReconcilePlan } from '../../lib/survey-drift.ts';
import type { RunReport } from '../../queues/run-report.ts';
import type { FakeContainer } from './fake-docker-world.ts';
import { type HandlerSide, OLD_IMAGE } from './handler-side.ts';
import type { Store } from './store.ts';

/** Games whose records and containers have come apart, and what brings them together again. */
export interface Drift {
  /** A running container of ours that nobody recorded, under a name of its own, except for what is given. */
  putContainer(gameId: string, given?: DriftedContainer): FakeContainer;
  /** An operation on the game that ended so long ago; returns its id. */
  putEnded(gameId: string, agoMs?: number): Promise<string>;
  plan(context?: Partial<TickContext>): Promise<ReconcilePlan>;
  pass(context?: Partial<TickContext>): Promise<ReconcilePlan>;
  /** Runs what RTM itself has queued, each game's once. */
  runQueued(): Promise<RunReport[]>;
}

interface DriftedContainer extends Partial<FakeContainer> {
  /** The operation that its label names. */
  readonly operationId?: string;
}

const LONG_AGO_MS = 3_600_000;

export function makeDrift(side: HandlerSide): Drift {
  const { store, world, tick } = side;
  let put = 0;
  return {
    putContainer(gameId, { operationId = 'by hand', ...given } = {}) {
      put += 1;
      return world.put({
        name: `left-${put}`,
        labels: {
          [OWNER_LABEL]: OWNER,
          [GAME_LABEL]: gameId,
          [IMAGE_LABEL]: OLD_IMAGE,
          [OPERATION_LABEL]: operationId,
        },
        ...given,
      });
    },
    async putEnded(gameId, agoMs = LONG_AGO_MS) {
      const operationId = randomUUID();
      await store.rows(
        `insert into rtmanager.operation_log (operation_id, game_id, seq, op_kind, op_source, correlation_id, status,
           outcome, error_code, requested_at, accepted_at, finished_at)
         select $1, $2, nextval('rtmanager.operation_seq'), 'start', 'lobby_stream', gen_random_uuid(), 'finished',
           'failure', 'container_start_failed', at, at, at
         from (select now() - $3 * interval '1 millisecond' as at) as ended`,
        [operationId, gameId, agoMs],
      );
      return operationId;
    },
    plan: (context = {}) => planReconciliation({ ...tick, ...context }),
    pass: (context = {}) => reconcileRuntimes({ ...tick, ...context }, 'reconcile'),
    async runQueued() {
      const queued = await store.rows<{ game_id: string; op_kind: OpKind }>(
        `select game_id, op_kind from rtmanager.operation_log
         where status = 'queued' and op_source in ('auto_reconcile', 'auto_ttl') order by seq`,
      );
      const reports: RunReport[] = [];
      for (const { game_id, op_kind } of queued) {
        reports.push(await side.run(game_id, op_kind, handlers[op_kind]));
      }
      return reports;
    },
  };
}

/** Lets the interval go by for which a daemon is not trusted that took the place of another one. */
export const letDaemonSettle = (store: Store): Promise<unknown> =>
  store.rows("update rtmanager.docker_daemon set changed_at = changed_at - interval '1 hour'");
