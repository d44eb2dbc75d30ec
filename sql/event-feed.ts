import { type CommonQueryMethods, sql } from 'slonik';
import { z } from 'zod';
import type { FeedEvent, FeedPlace } from '../lib/event-feed.ts';
import { operation } from '../lib/operation.ts';

/** What is told of an operation. Its status is that of the step, which need not be the last one. */
const step = operation
  .pick({
    operationId: true,
    gameId: true,
    opKind: true,
    opSource: true,
    parentOperationId: true,
    correlationId: true,
    attempt: true,
    imageRef: true,
    reason: true,
    containerId: true,
    outcome: true,
    errorCode: true,
    errorMessage: true,
  })
  .extend({ status: z.string() });
const feedRow = z.strictObject({
  xid: z.string(),
  feedId: z.bigint(),
  toldAt: z.number(),
  /** Null where the row tells of no operation; and of none that is still there. */
  step: step.nullable(),
  fields: z.array(z.tuple([z.string(), z.string()])).nullable(),
});

/** A stretch of the feed: its events, and the place behind all of its rows. */
interface FeedStretch {
  readonly events: readonly FeedEvent[];
  readonly end: FeedPlace;
  /** There may be more. */
  readonly isFull: boolean;
}

/**
 * The feed behind a place, in order. Rows of a transaction are left for later while one that began before it is open:
 * that one's own are to come first.
 */
export async function readFeed(
  db: CommonQueryMethods,
  { after, limit }: { readonly after: FeedPlace; readonly limit: number },
): Promise<FeedStretch> {
  const rows = await db.any(sql.type(feedRow)`
    select feed.xid::text as xid, feed_id as "feedId", told_at as "toldAt", fields,
      case when entry.operation_id is not null then jsonb_build_object(
        'operationId', entry.operation_id, 'gameId', entry.game_id, 'opKind', op_kind, 'opSource', op_source,
        'parentOperationId', parent_operation_id, 'correlationId', correlation_id,
        'status', feed.status, 'attempt', feed.attempt, 'imageRef', image_ref, 'reason', reason,
        'containerId', case when ended then container_id end, 'outcome', case when ended then outcome end,
        'errorCode', case when ended then error_code end, 'errorMessage', case when ended then error_message end
      ) end as step
    from (
      select *, status = 'finished' as ended from rtmanager.event_feed
      where (xid, feed_id) > (${String(after.xid)}::xid8, ${after.feedId})
        and xid < pg_snapshot_xmin(pg_current_snapshot())
      order by xid, feed_id limit ${limit}) as feed
    left join rtmanager.operation_log as entry on entry.operation_id = feed.operation_id
    left join rtmanager.outbox as message on message.outbox_id = feed.outbox_id
    order by feed.xid, feed_id`);
  const last = rows.at(-1);
  return {
    events: rows.flatMap((row) => eventOf(row) ?? []),
    end: last ? placeOf(last) : after,
    isFull: rows.length === limit,
  };
}

type FeedRow = z.infer<typeof feedRow>;

const placeOf = ({ xid, feedId }: Pick<FeedRow, 'xid' | 'feedId'>): FeedPlace => ({
  xid: BigInt(xid),
  feedId,
});

/** Undefined for the row that the feed began with. */
function eventOf(row: FeedRow): FeedEvent | undefined {
  const common = { place: placeOf(row), toldAtMs: row.toldAt };
  if (row.step) return { ...common, kind: 'operation', step: row.step };
  if (!row.fields) return undefined;
  const told = Object.fromEntries(row.fields);
  return {
    ...common,
    kind: 'health',
    health: {
      gameId: told.game_id ?? '',
      containerId: told.container_id ?? '',
      type: told.event_type ?? '',
      occurredAtMs: Number(told.occurred_at_ms),
      details: JSON.parse(told.details ?? '{}'),
    },
  };
}

const bounds = z.strictObject({
  now: z.string(),
  first: z.string().nullable(),
  firstId: z.bigint().nullable(),
  isAhead: z.boolean(),
});

interface FeedBounds {
  /** Everything that is told from now on lies behind it. */
  readonly now: FeedPlace;
  /** The feed is complete behind it. */
  readonly first: FeedPlace;
  /** The place was never given out: it is of another PostgreSQL, or of a time that was taken back. */
  readonly isAhead: boolean;
}

/** How far the feed reaches, and where a place stands to it. */
export async function findFeedBounds(db: CommonQueryMethods, place: FeedPlace): Promise<FeedBounds> {
  const row = await db.one(sql.type(bounds)`
    select pg_snapshot_xmin(pg_current_snapshot())::text as now,
      ${String(place.xid)}::xid8 > pg_snapshot_xmax(pg_current_snapshot()) as "isAhead",
      first.xid::text as first, first.feed_id as "firstId"
    from (values (1)) as always
    left join lateral (select xid, feed_id from rtmanager.event_feed order by xid, feed_id limit 1) as first on true`);
  const now = { xid: BigInt(row.now), feedId: 0n };
  const first = row.first === null ? now : { xid: BigInt(row.first), feedId: row.firstId ?? 0n };
  return { now, first, isAhead: row.isAhead };
}

const pruned = z.strictObject({ count: z.int() });

/**
 * Forgets events of more than `ageMs` ago from the beginning of the feed, `limit` of them at most; returns how
 * many. Never the latest of them, which is the feed's new beginning. What a dump brought along from another PostgreSQL is
 * numbered ahead of all that is to come, and goes too.
 */
export async function pruneFeed(
  db: CommonQueryMethods,
  { ageMs, limit }: { readonly ageMs: number; readonly limit: number },
): Promise<number> {
  const { count } = await db.one(sql.type(pruned)`
    with oldest as materialized (
      select xid, feed_id, told_at from rtmanager.event_feed
      where xid < pg_snapshot_xmin(pg_current_snapshot()) order by xid, feed_id limit ${limit + 1}),
    beginning as (
      select xid, feed_id from oldest where told_at < now() - ${ageMs} * interval '1 millisecond'
      order by xid desc, feed_id desc limit 1),
    gone as (
      delete from rtmanager.event_feed as feed using beginning
      where (feed.xid, feed.feed_id) < (beginning.xid, beginning.feed_id) returning 1),
    foreign_rows as (
      delete from rtmanager.event_feed where xid >= pg_snapshot_xmax(pg_current_snapshot()) returning 1)
    select (select count(*) from gone)::int4 + (select count(*) from foreign_rows)::int4 as count`);
  return count;
}
