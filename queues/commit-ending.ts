import { setTimeout as sleep } from 'node:timers/promises';
import type { DatabasePool } from 'slonik';
import { LeaseLostError } from '../lib/lease.ts';
import type { Logger } from '../lib/logger.ts';
import type { Operation } from '../lib/operation.ts';
import { commitOutcome } from '../sql/commit-operation.ts';
import { mayPass } from '../sql/map-error.ts';
import { getOperation } from '../sql/operation-log.ts';
import type { HeldLease } from './leases.ts';
import type { Ending } from './outcome.ts';

const COMMIT_RETRY_MS = 250;
const COMMIT_RETRY_MOST_MS = 2_000;

/**
 * Commits, and again while PostgreSQL is away and the lease lasts; anything else that fails is thrown at once. A
 * commit whose answer was lost is recognised as ours when it finds the operation finished under our own attempt.
 */
export async function commitEnding(
  { db, log }: { db: DatabasePool; log: Logger },
  operation: Operation,
  lease: HeldLease,
  ending: Ending,
): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      await commitOutcome(db, operation, ending);
      return;
    } catch (error) {
      if (error instanceof LeaseLostError && tries > 1 && (await isFinishedByUs(db, operation))) return;
      if (!mayPass(error)) throw error;
      if (tries === 1) log.warn('the outcome could not be written yet, it is tried again', { error });
      lease.assertHeld();
      await sleep(Math.min(COMMIT_RETRY_MS * tries, COMMIT_RETRY_MOST_MS));
    }
  }
}

async function isFinishedByUs(db: DatabasePool, { operationId, attempt }: Operation): Promise<boolean> {
  const now = await getOperation(db, operationId);
  return now?.status === 'finished' && now.attempt === attempt;
}
