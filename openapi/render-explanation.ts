import { daemonTimeMs } from '../lib/daemon-time.ts';
import { type InspectedContainer, imageRefOf, isOurs, operationOf } from '../lib/docker/container.ts';
import { ATTEMPT_LABEL } from '../lib/docker/labels.ts';
import type { Explanation } from '../lib/explain/explain.ts';
import { type Facts, lastOf, type ToldEvent } from '../lib/explain/facts.ts';
import type { StoredGame } from '../sql/read-game.ts';
import { renderStep } from './reconcile-plan.ts';
import { renderOperation, renderRuntime, time } from './render.ts';

/** An explanation and the facts behind it as the contract's `Explanation`. */
export function renderExplanation(
  { record, ...facts }: Facts & Pick<StoredGame, 'record'>,
  { findings, intent, next, ending, logTail }: Explanation,
) {
  const { docker, redisTrouble, step } = facts;
  const last = lastOf(facts);
  return {
    game_id: facts.gameId,
    observed_at: time(facts.nowMs),
    cause: findings[0].code,
    summary: findings[0].message,
    findings: findings.map(({ code, severity, message, evidence, advice }) => ({
      code,
      severity,
      message,
      evidence,
      advice,
    })),
    intent: {
      desired: intent.desired,
      asked_by: intent.asked && renderOperation(intent.asked),
    },
    next: { action: next.action, at: time(next.at), message: next.message },
    runtime: record && renderRuntime(record, record.health),
    docker: {
      reachable: docker.trouble === null,
      message: docker.trouble,
      network_exists: docker.networkExists,
      containers: docker.containers.map((one) =>
        renderContainer(one, { gameId: facts.gameId, recordedId: record?.currentContainerId, facts }),
      ),
    },
    redis: { reachable: redisTrouble === null, message: redisTrouble },
    exit: ending && {
      container_id: ending.containerId,
      exit_code: ending.exitCode,
      oom_killed: ending.oomKilled,
      finished_at: time(ending.finishedAt),
      operation_id: ending.operationId,
    },
    log_tail: logTail && {
      container_id: logTail.containerId,
      operation_id: logTail.operationId,
      lines: logTail.lines,
    },
    queue: facts.queue.map(renderOperation),
    last_operation: last ? renderOperation(last) : null,
    operations: facts.operations.map(renderOperation),
    health_events: facts.healthEvents.map((event) => renderEvent(facts.gameId, event)),
    reconcile: step && renderStep(step),
  };
}

const renderEvent = (gameId: string, { type, containerId, occurredAt, details }: ToldEvent) => ({
  game_id: gameId,
  container_id: containerId,
  event_type: type,
  occurred_at: time(occurredAt),
  details,
});

interface OfGame {
  readonly gameId: string;
  readonly recordedId: string | null | undefined;
  readonly facts: Pick<Facts, 'config'>;
}

const renderContainer = (one: InspectedContainer, { gameId, recordedId, facts }: OfGame) => ({
  container_id: one.id,
  name: one.name,
  image_ref: imageRefOf(one) || null,
  state: one.state,
  exit_code: one.running || one.state === 'created' ? null : one.exitCode,
  started_at: time(daemonTimeMs(one.startedAt)),
  finished_at: time(daemonTimeMs(one.finishedAt)),
  owned: isOurs(one, { gameId, network: facts.config.docker.network }),
  recorded: one.id === recordedId,
  operation_id: operationOf(one) || null,
  attempt: attemptOf(one),
});

function attemptOf({ labels }: InspectedContainer): number | null {
  const attempt = Number(labels[ATTEMPT_LABEL] ?? Number.NaN);
  return Number.isSafeInteger(attempt) ? attempt : null;
}
