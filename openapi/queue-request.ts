import { createHash, randomUUID } from 'node:crypto';
import type { DatabasePool } from 'slonik';
import { RuntimeError } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import type { Operation } from '../lib/operation.ts';
import { traceAccepted } from '../lib/telemetry/accepted.ts';
import type { Tracing } from '../lib/telemetry/tracing.ts';
import type { NewOperation } from '../sql/accept-operations.ts';
import { acceptRequest } from '../sql/accept-request.ts';
import type { WaitingGame } from '../sql/operation-log.ts';
import { operationsKeptFrom } from '../sql/prune-history.ts';
import { inTime } from './in-time.ts';

export interface QueueDeps {
  readonly db: DatabasePool;
  /** Tells that games have work. What it fails to tell of, the repair sweep finds. */
  readonly wake: (games: readonly WaitingGame[]) => Promise<void>;
  readonly log: Logger;
  readonly tracing: Tracing;
}

interface Asked {
  /** What is told when its `sourceRef` was used for another request. */
  readonly otherwise: string;
  /** The header, by which the client's own trace goes on. */
  readonly traceparent: string | undefined;
  /**
   * When it was asked first at the earliest, epoch milliseconds, where it may be years old: what is older than the log
   * remembers may have been done, and is accepted only as the operation that is there.
   */
  readonly since?: number;
}

/**
 * Queues what a client asks for, or finds the operation that the same `sourceRef` was queued as before. Rejects with
 * `conflict` when that was another request, or may be forgotten, and with `service_unavailable`.
 */
export async function queueRequest(
  { db, wake, log, tracing }: QueueDeps,
  request: NewOperation,
  { otherwise, traceparent, since }: Asked,
): Promise<Operation> {
  const { gameId, opKind, imageRef, reason } = request;
  const sinceMs = Date.now();
  const requestHash = hash([opKind, gameId, imageRef, reason]);
  const { operation, waiting } = await inTime(
    db.transaction(async (transaction) => {
      const accepted = await acceptRequest(transaction, {
        ...request,
        operationId: randomUUID(),
        requestHash,
      });
      // Asked after the insert: whatever was forgotten before that is in the answer.
      const isNew = accepted.waiting.length > 0;
      if (isNew && since !== undefined && since < (await operationsKeptFrom(transaction))) {
        throw new RuntimeError(
          'conflict',
          'It is older than what the operation log remembers, so it may have been done, and forgotten; ask for it as a request of its own',
        );
      }
      return accepted;
    }),
  );
  if (operation.requestHash !== requestHash) throw new RuntimeError('conflict', otherwise);
  if (waiting.length > 0) {
    traceAccepted(tracing, { ...operation, sinceMs, ...(traceparent === undefined ? {} : { traceparent }) });
  }
  // Not waited for: without Redis the operation only begins later.
  wake(waiting).catch((error: unknown) => {
    log.warn('the queue could not be told of work, repair brings it', { game_id: gameId, error });
  });
  return operation;
}

const hash = (parts: readonly (string | null)[]): string =>
  createHash('sha256').update(JSON.stringify(parts)).digest('hex');
