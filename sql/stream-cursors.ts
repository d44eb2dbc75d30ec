import { type CommonQueryMethods, sql } from 'slonik';
import { z } from 'zod';

const cursor = z.strictObject({ stream: z.string(), lastId: z.string() });

/**
 * The last accepted entry of each stream, in the order given; a stream never read before starts at `0-0`, its very
 * beginning.
 */
export async function loadCursors(
  db: CommonQueryMethods,
  streams: readonly string[],
): Promise<Map<string, string>> {
  await db.query(sql.unsafe`
    insert into rtmanager.stream_cursors (stream, last_id)
    select stream, '0-0' from unnest(${sql.array([...streams], 'text')}) as stream
    on conflict (stream) do nothing`);
  return readCursors(db, streams);
}

/** The same without a trace of who looked. */
export async function readCursors(
  db: CommonQueryMethods,
  streams: readonly string[],
): Promise<Map<string, string>> {
  const rows = await db.any(sql.type(cursor)`
    select stream, last_id as "lastId" from rtmanager.stream_cursors
    where stream = any(${sql.array([...streams], 'text')})`);
  const known = new Map(rows.map((row) => [row.stream, row.lastId]));
  return new Map(streams.map((stream) => [stream, known.get(stream) ?? '0-0']));
}

/**
 * Moves one cursor. False when it was not where the caller thought: somebody else pumps, and the caller's
 * transaction must be given up.
 */
export async function moveCursor(
  db: CommonQueryMethods,
  { stream, from, to }: { stream: string; from: string; to: string },
): Promise<boolean> {
  const moved = await db.query(sql.unsafe`
    update rtmanager.stream_cursors set last_id = ${to}, updated_at = now()
    where stream = ${stream} and last_id = ${from}`);
  return moved.rowCount === 1;
}
