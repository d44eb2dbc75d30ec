import type { DatabasePool } from 'slonik';
import { RuntimeError } from '../lib/errors.ts';
import { driftOfGame } from '../lib/explain/drift-of-game.ts';
import { explain } from '../lib/explain/explain.ts';
import { type ExplainConfig, type Facts, headOf } from '../lib/explain/facts.ts';
import { type LookingDocker, lookAtGame } from '../lib/explain/look-at-game.ts';
import { type GameId, parseGameId } from '../lib/game-id.ts';
import { createsContainer } from '../lib/operation.ts';
import { WORK_IS_OVER_MS } from '../lib/reconcile-plan.ts';
import { makeSemaphore } from '../lib/semaphore.ts';
import { trustDaemon } from '../sql/docker-daemon.ts';
import { findEnded } from '../sql/operation-log.ts';
import { readGame, type StoredGame } from '../sql/read-game.ts';
import { inTime } from './in-time.ts';
import { askOne, type ReadinessChecks } from './readiness.ts';
import { renderExplanation } from './render-explanation.ts';
import type { Route } from './route.ts';

export interface ExplainDeps {
  readonly db: DatabasePool;
  readonly docker: LookingDocker;
  readonly config: ExplainConfig;
  readonly readiness: Pick<ReadinessChecks, 'redis'>;
}

/** Whoever has more patience asks `/readyz`. */
const REDIS_LOOK_MS = 1_000;

/**
 * Explains the present state of one game. Only PostgreSQL has to answer: of Docker and Redis the answer tells what they
 * say, or that they do not.
 */
export function makeExplainRoute(deps: ExplainDeps): Route {
  // One at a time, as other reads: a crowd of curious clients takes one connection from those who change something.
  const reads = makeSemaphore(1);
  return async (request, response) => {
    const gameId = parseGameId(String(request.params.game_id));
    const left = new AbortController();
    response.on('close', () => left.abort());
    try {
      const stored = await inTime(reads.run(() => inTime(readGame(deps.db, gameId))));
      const facts = await gatherFacts(deps, gameId, stored, left.signal);
      if (isUnknown(facts)) {
        throw new RuntimeError('not_found', `Nothing was ever asked for game ${gameId} here`);
      }
      response.json(renderExplanation({ ...facts, record: stored.record }, explain(facts)));
    } catch (error) {
      // Nobody is there any more to be told, and nothing went wrong.
      if (!left.signal.aborted) throw error;
    }
  };
}

async function gatherFacts(
  { db, docker, config, readiness }: ExplainDeps,
  gameId: GameId,
  stored: StoredGame,
  signal: AbortSignal,
): Promise<Facts> {
  const { record, hold } = stored;
  const head = headOf(stored);
  const imageRef = head && createsContainer(head.opKind) ? (head.imageRef ?? record?.currentImageRef) : null;
  const containerId = record?.currentContainerId ?? null;
  const [shown, redis] = await Promise.all([
    lookAtGame({ docker, gameId, containerId, imageRef: imageRef ?? null, signal }),
    askOne(readiness.redis, REDIS_LOOK_MS),
  ]);
  const facts = {
    ...stored,
    gameId,
    docker: shown,
    redisTrouble: redis.status === 'ok' ? null : (redis.message ?? 'it does not answer'),
    config,
  };
  // What Docker did not show is not gone.
  if (shown.trouble !== null) return { ...facts, step: null, held: null };
  const drift = await driftOfGame({
    gameId,
    record,
    containers: shown.containers,
    network: config.docker.network,
    busy: head !== undefined,
    hold,
    findEnded: (operationIds) => inTime(findEnded(db, { operationIds, agoMs: WORK_IS_OVER_MS })),
    trustDaemon: () =>
      inTime(trustDaemon(db, { daemonId: shown.daemonId ?? '', settleMs: config.reconcile.intervalMs })),
  });
  return { ...facts, ...drift };
}

/** Neither asked for, nor on record, nor in Docker. */
const isUnknown = ({ record, queue, operations, docker }: Facts): boolean =>
  !record && queue.length === 0 && operations.length === 0 && docker.containers.length === 0;
