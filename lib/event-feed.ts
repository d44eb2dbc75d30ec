import type { OpKind, OpSource } from './operation.ts';

/** A place in the feed: behind every event that has a lower one, before every event that has a higher one. */
export interface FeedPlace {
  /** The transaction that wrote the event, as PostgreSQL counts them. */
  readonly xid: bigint;
  readonly feedId: bigint;
}

/** One step of an operation: it was queued, runs, waits to be run again, or has ended. Times are epoch milliseconds. */
export interface OperationStep {
  readonly operationId: string;
  readonly gameId: string;
  readonly opKind: OpKind;
  readonly opSource: OpSource;
  readonly parentOperationId: string | null;
  readonly correlationId: string;
  readonly status: string;
  readonly attempt: number;
  readonly imageRef: string | null;
  readonly reason: string | null;
  /** These four are null unless it has ended. */
  readonly containerId: string | null;
  readonly outcome: 'success' | 'failure' | null;
  readonly errorCode: string | null;
  readonly errorMessage: string | null;
}

/** A health event, as its stream entry tells it. */
export interface ToldHealth {
  readonly gameId: string;
  readonly containerId: string;
  readonly type: string;
  readonly occurredAtMs: number;
  readonly details: Readonly<Record<string, unknown>>;
}

/** One event, behind which the feed goes on at `place`. */
export type FeedEvent = { readonly place: FeedPlace; readonly toldAtMs: number } & (
  | { readonly kind: 'operation'; readonly step: OperationStep }
  | { readonly kind: 'health'; readonly health: ToldHealth }
);

/**
 * What is missing in front of `place`: `forgotten`, events that are no longer kept; `unknown`, whatever happened, since
 * the place that was asked for is none of this feed.
 */
export type GapReason = 'forgotten' | 'unknown';

/** What a reader gets next. All of it together is the whole feed, but for the gaps. */
export type FeedPortion = { readonly place: FeedPlace } & (
  | { readonly events: readonly FeedEvent[] }
  | { readonly gap: GapReason }
);

/** Operations and health of all games as they happen, in one order. */
export interface EventFeed {
  /**
   * Everything behind `lastSeen`, or from now on, without an end until `signal` aborts or the feed is closed. The first
   * portion comes at once, also when it is empty. Holds nothing for a reader that takes its time: it reads on from where
   * it is. Ends with `return`, also where it is not read to its end.
   *
   * @throws the failure of PostgreSQL from the first portion alone; later it is waited for
   */
  follow(lastSeen: FeedPlace | undefined, signal: AbortSignal): AsyncIterableIterator<FeedPortion>;
}

/** Negative, zero or positive, as in a sort. */
export const comparePlaces = (left: FeedPlace, right: FeedPlace): number =>
  Number(left.xid - right.xid) || Number(left.feedId - right.feedId);
