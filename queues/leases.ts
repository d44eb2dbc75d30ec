import type { CommonQueryMethods } from 'slonik';
import { type Lease, LeaseLostError } from '../lib/lease.ts';
import type { Logger } from '../lib/logger.ts';
import { type Metrics, NO_METRICS } from '../lib/telemetry/metrics.ts';
import { type Attempt, renewLeases } from '../sql/claims.ts';

export interface HeldLease extends Lease {
  /** Ends the renewal; the row itself is the committer's to change. */
  release(): void;
}

export interface LeaseKeeper {
  /** `claimedAtMs`: `performance.now()` from before the claim was sent, so that the local end is never late. */
  hold(attempt: Attempt, claimedAtMs: number): HeldLease;
  /** Aborts every operation that is still running, for `reason`, and from now on every one that is claimed. */
  abortAll(reason: Error): void;
  close(): void;
}

interface Held extends Attempt {
  deadlineMs: number;
  readonly controller: AbortController;
}

/** How a lease is lost, in words. */
const LOST = {
  taken: 'the operation is not held by this attempt any more',
  expired: 'it ran out without being renewed',
};

/** Renews all leases of this replica together, three times within their length. */
export function makeLeaseKeeper(
  db: CommonQueryMethods,
  { leaseMs, log, metrics = NO_METRICS }: { leaseMs: number; log: Logger; metrics?: Metrics },
): LeaseKeeper {
  const held = new Set<Held>();
  let stopped: Error | undefined;
  let renewing = false;
  const timer = setInterval(() => {
    // Not left to the renewals: one that gets no answer would keep a lost lease looking held.
    loseOverdue();
    void renew();
  }, leaseMs / 3);

  async function renew(): Promise<void> {
    const batch = [...held];
    // One at a time: a late answer to an older renewal must not move a deadline back.
    if (batch.length === 0 || renewing) return;
    renewing = true;
    const sentAtMs = performance.now();
    try {
      const renewed = await renewLeases(db, { held: batch, leaseMs });
      for (const one of batch) {
        if (renewed.has(one.operationId)) one.deadlineMs = sentAtMs + leaseMs;
        else if (held.has(one)) lose(one, 'taken');
      }
    } catch (error) {
      metrics.count('renewalsFailed');
      log.warn('leases could not be renewed', { count: batch.length, error });
    } finally {
      renewing = false;
    }
  }

  function loseOverdue(): void {
    for (const one of held) if (isOver(one)) lose(one, 'expired');
  }

  function lose(one: Held, reason: keyof typeof LOST): void {
    held.delete(one);
    metrics.count('leasesLost', { reason });
    log.warn(`lease lost: ${LOST[reason]}`, {
      game_id: one.gameId,
      operation_id: one.operationId,
      attempt: one.attempt,
    });
    one.controller.abort(new LeaseLostError(one.operationId));
  }

  return {
    hold(attempt, claimedAtMs) {
      const one: Held = {
        gameId: attempt.gameId,
        operationId: attempt.operationId,
        attempt: attempt.attempt,
        deadlineMs: claimedAtMs + leaseMs,
        controller: new AbortController(),
      };
      held.add(one);
      if (stopped) one.controller.abort(stopped);
      return {
        signal: one.controller.signal,
        assertHeld() {
          one.controller.signal.throwIfAborted();
          if (isOver(one)) throw new LeaseLostError(one.operationId);
        },
        release: () => held.delete(one),
      };
    },
    abortAll(reason) {
      stopped = reason;
      for (const one of held) one.controller.abort(reason);
    },
    close: () => clearInterval(timer),
  };
}

const isOver = (one: Held): boolean => performance.now() >= one.deadlineMs;
