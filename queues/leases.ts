import type { CommonQueryMethods } from 'slonik';
import { type Lease, LeaseLostError } from '../lib/lease.ts';
import type { Logger } from '../lib/logger.ts';
import { type Attempt, renewLeases } from '../sql/claims.ts';

export interface HeldLease extends Lease {
  /** Ends the renewal; the row itself is the committer's to change. */
  release(): void;
}

export interface LeaseKeeper {
  /** `claimedAtMs`: `performance.now()` from before the claim was sent, so that the local end is never late. */
  hold(attempt: Attempt, claimedAtMs: number): HeldLease;
  /** Aborts every operation that is still running, for `reason`. */
  abortAll(reason: Error): void;
  close(): void;
}

interface Held extends Attempt {
  deadlineMs: number;
  readonly controller: AbortController;
}

/** Renews all leases of this replica together, three times within their length. */
export function makeLeaseKeeper(
  db: CommonQueryMethods,
  { leaseMs, log }: { leaseMs: number; log: Logger },
): LeaseKeeper {
  const held = new Set<Held>();
  const timer = setInterval(() => void renew(), leaseMs / 3);

  async function renew(): Promise<void> {
    const batch = [...held];
    if (batch.length === 0) return;
    const sentAtMs = performance.now();
    try {
      const renewed = await renewLeases(db, { held: batch, leaseMs });
      for (const one of batch) {
        if (renewed.has(one.operationId)) one.deadlineMs = sentAtMs + leaseMs;
        else if (held.has(one)) lose(one, 'another attempt took over');
      }
    } catch (error) {
      log.warn('leases could not be renewed', { count: batch.length, error });
    }
    for (const one of batch) {
      if (held.has(one) && isOver(one)) lose(one, 'it ran out without being renewed');
    }
  }

  function lose(one: Held, why: string): void {
    held.delete(one);
    log.warn(`lease lost: ${why}`, { operation_id: one.operationId, attempt: one.attempt });
    one.controller.abort(new LeaseLostError(one.operationId));
  }

  return {
    hold(attempt, claimedAtMs) {
      const one: Held = {
        operationId: attempt.operationId,
        attempt: attempt.attempt,
        deadlineMs: claimedAtMs + leaseMs,
        controller: new AbortController(),
      };
      held.add(one);
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
      for (const one of held) one.controller.abort(reason);
    },
    close: () => clearInterval(timer),
  };
}

const isOver = (one: Held): boolean => performance.now() >= one.deadlineMs;
