import { type CommonQueryMethods, sql } from 'slonik';
import { z } from 'zod';
import type { DaemonTrust } from '../lib/daemon-trust.ts';

const knownDaemon = z.strictObject({
  daemonId: z.string(),
  /** How far its events were heard: nanoseconds since the epoch, by its own clock. */
  eventCursor: z.bigint(),
});
type KnownDaemon = z.infer<typeof knownDaemon>;

/** The daemon that the records tell of; null before the first look. */
export function getKnownDaemon(db: CommonQueryMethods): Promise<KnownDaemon | null> {
  return db.maybeOne(sql.type(knownDaemon)`
    select daemon_id as "daemonId", event_cursor as "eventCursor" from rtmanager.docker_daemon`);
}

/** From now on the records tell of this daemon. Its cursor stays where it is when it was that one before. */
export async function noteDaemon(
  db: CommonQueryMethods,
  { daemonId, eventCursor }: KnownDaemon,
): Promise<void> {
  await db.query(sql.unsafe`
    insert into rtmanager.docker_daemon as known (daemon_id, event_cursor) values (${daemonId}, ${eventCursor})
    on conflict (only_row) do update
    set daemon_id = excluded.daemon_id, event_cursor = excluded.event_cursor, updated_at = now(), changed_at = now()
    where known.daemon_id <> excluded.daemon_id`);
}

const trustRow = z.strictObject({ isTrusted: z.boolean() });

/**
 * Whether the records tell of this daemon. One that took the place of another is believed `settleMs` later: passes may
 * follow each other within a second, and a wrong address is to be noticed before games are given up for it.
 */
export async function trustDaemon(
  db: CommonQueryMethods,
  { daemonId, settleMs }: { daemonId: string; settleMs: number },
): Promise<DaemonTrust> {
  const known = await db.maybeOne(sql.type(trustRow)`
    select daemon_id = ${daemonId}
      and coalesce(changed_at <= now() - ${settleMs} * interval '1 millisecond', true) as "isTrusted"
    from rtmanager.docker_daemon`);
  if (!known) return 'unknown';
  return known.isTrusted ? 'trusted' : 'another';
}

/** Notes how far the events of this daemon were heard; never back, and not of another daemon than the known one. */
export async function moveEventCursor(
  db: CommonQueryMethods,
  { daemonId, eventCursor }: KnownDaemon,
): Promise<void> {
  await db.query(sql.unsafe`
    update rtmanager.docker_daemon set event_cursor = ${eventCursor}, updated_at = now()
    where daemon_id = ${daemonId} and event_cursor < ${eventCursor}`);
}
