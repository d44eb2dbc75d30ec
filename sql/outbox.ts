import { type CommonQueryMethods, type FragmentSqlToken, sql } from 'slonik';
import { z } from 'zod';
import type { Channel, Message } from '../lib/messages.ts';
import { storableText } from '../lib/storable-text.ts';
import { LOCKS_ARE_HELD, takeLocks } from './locks.ts';
import { prepared } from './prepared.ts';

const CHANNELS = [
  'job_results',
  'health_events',
  'notification_intents',
  'dead_letters',
] as const satisfies Channel[];

const outboxRow = z.strictObject({
  outboxId: z.bigint(),
  gameId: z.string(),
  channel: z.enum(CHANNELS),
  fields: z.array(z.tuple([z.string(), z.string()])),
});
/** A message on its way out; `fields` keep their order. */
export type OutboxRow = z.infer<typeof outboxRow>;

/** Adds messages in the order given, and returns how many; one whose dedupe key is there already is dropped. */
export async function addMessages(
  transaction: CommonQueryMethods,
  messages: readonly Message[],
): Promise<number> {
  if (messages.length === 0) return 0;
  const added = await transaction.query(sql.unsafe`${insertMessages(messages)}`);
  return added.rowCount;
}

/** The same as a part of a larger statement, there under a condition. */
export const insertMessages = (
  messages: readonly Message[],
  onlyIf = sql.fragment`true`,
): FragmentSqlToken => sql.fragment`
  insert into rtmanager.outbox (game_id, channel, fields, dedupe_key)
  select game_id, channel, fields::jsonb, dedupe_key from (
    select * from ${sql.unnest(
      messages.map((one, place) => [
        place,
        storableText(one.gameId),
        one.channel,
        JSON.stringify(Object.entries(one.fields).map(([name, value]) => [name, storableText(value)])),
        one.dedupeKey ?? null,
      ]),
      ['int4', 'text', 'text', 'text', 'text'],
    )} as message (place, game_id, channel, fields, dedupe_key) where ${onlyIf} order by place) as in_order
  on conflict (dedupe_key) where dedupe_key is not null do nothing`;

interface Waiting {
  readonly limit: number;
  /** Channels to leave out: those whose stream takes nothing at the moment. */
  readonly except?: readonly Channel[];
}

/**
 * The unpublished messages of these games, in order, and with them the games' publish locks, until the transaction ends.
 * The statement may have begun before it got the locks: so it looks at each row once more when it has them (`for update`),
 * and leaves out what the one who had them before has published. What was added meanwhile is for whoever added it.
 */
export function takeUnpublished(
  transaction: CommonQueryMethods,
  { gameIds, limit, except = [] }: Waiting & { readonly gameIds: readonly string[] },
): Promise<readonly OutboxRow[]> {
  return transaction.any(prepared(outboxRow)`
    with locked as materialized (${takeLocks('publish', gameIds)})
    select outbox_id as "outboxId", game_id as "gameId", channel, fields from rtmanager.outbox
    where published_at is null and game_id = any(${sql.array([...gameIds], 'text')})
      and channel = any(${sql.array(channelsBut(except), 'text')}) and ${LOCKS_ARE_HELD}
    order by outbox_id limit ${limit} for update`);
}

/** A channel that only a newer version knows is left to that version: it knows the stream. */
const channelsBut = (except: readonly Channel[]): Channel[] =>
  CHANNELS.filter((one) => !except.includes(one));

interface Published {
  readonly outboxId: bigint;
  readonly entryId: string;
}

/** Notes under which id each message now stands in its stream, and in which life of Redis. */
export async function markPublished(
  transaction: CommonQueryMethods,
  { published, epoch }: { published: readonly Published[]; epoch: string },
): Promise<void> {
  await transaction.query(prepared(z.never())`
    update rtmanager.outbox as row
    set published_at = now(), entry_id = done.entry_id, redis_epoch = ${epoch}
    from ${sql.unnest(
      published.map((one) => [one.outboxId, one.entryId]),
      ['int8', 'text'],
    )} as done (outbox_id, entry_id)
    where row.outbox_id = done.outbox_id`);
}

const gameRow = z.strictObject({ gameId: z.string() });

/** Games with messages that are waiting, `limit` at most. */
export async function gamesToPublish(
  db: CommonQueryMethods,
  { limit, except = [] }: Waiting,
): Promise<string[]> {
  const rows = await db.any(sql.type(gameRow)`
    select distinct game_id as "gameId" from rtmanager.outbox
    where published_at is null and channel = any(${sql.array(channelsBut(except), 'text')}) limit ${limit}`);
  return rows.map((row) => row.gameId);
}

const notedRow = z.strictObject({ outboxId: z.bigint(), channel: z.enum(CHANNELS), entryId: z.string() });

/**
 * Published messages that were noted under another life of Redis than `epoch`, oldest first. Goes from one epoch to
 * the next by the index (there are few), because no index answers "not equal", and this is asked with every sweep.
 */
export function notedElsewhere(
  db: CommonQueryMethods,
  { epoch, limit }: { epoch: string; limit: number },
): Promise<readonly z.infer<typeof notedRow>[]> {
  return db.any(sql.type(notedRow)`
    with recursive epochs (epoch) as (
      select min(redis_epoch) from rtmanager.outbox where published_at is not null
      union all
      select (select min(redis_epoch) from rtmanager.outbox where published_at is not null and redis_epoch > epoch)
      from epochs where epoch is not null)
    select noted.* from epochs cross join lateral (
      select outbox_id as "outboxId", channel, entry_id as "entryId" from rtmanager.outbox
      where published_at is not null and redis_epoch = epoch and channel = any(${sql.array([...CHANNELS], 'text')})
      order by outbox_id limit ${limit}) as noted
    where epoch <> ${epoch} order by "outboxId" limit ${limit}`);
}

/**
 * Those still in their stream belong to the new life; those lost are to be published again, unless somebody who
 * looked at the same time has done so already.
 */
export async function settleNoted(
  transaction: CommonQueryMethods,
  { kept, lost, epoch }: { kept: readonly bigint[]; lost: readonly bigint[]; epoch: string },
): Promise<void> {
  // In the order of those who publish, so that nobody waits for the other.
  await transaction.query(sql.unsafe`
    select from rtmanager.outbox where outbox_id = any(${sql.array([...kept, ...lost], 'int8')})
    order by outbox_id for update`);
  await transaction.query(sql.unsafe`
    update rtmanager.outbox set redis_epoch = ${epoch}
    where outbox_id = any(${sql.array([...kept], 'int8')})`);
  await transaction.query(sql.unsafe`
    update rtmanager.outbox set published_at = null, entry_id = null, redis_epoch = null
    where outbox_id = any(${sql.array([...lost], 'int8')}) and redis_epoch <> ${epoch}`);
}

/**
 * Deletes what was published more than `ageMs` ago, a bounded batch at a time; returns how many rows went. What is told
 * once a container stays for as long as a record names that one: its dedupe key must not be forgotten before.
 */
export async function prunePublished(
  db: CommonQueryMethods,
  { ageMs, limit }: { ageMs: number; limit: number },
): Promise<number> {
  const pruned = await db.query(sql.unsafe`
    delete from rtmanager.outbox where outbox_id in (
      select outbox_id from rtmanager.outbox
      where published_at < now() - ${ageMs} * interval '1 millisecond'
        and case when dedupe_key is null then true else split_part(dedupe_key, ':', 2) is distinct from (
          select current_container_id from rtmanager.runtime_records as record where record.game_id = outbox.game_id) end
      order by published_at limit ${limit})`);
  return pruned.rowCount;
}
