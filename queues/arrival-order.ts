import type { NewOperation } from '../sql/accept-operations.ts';
import type { Decoded } from './decode-entry.ts';
import type { StreamEntry } from './stream-reader.ts';

/** An entry and what it was found to be. */
export interface DecodedEntry {
  readonly entry: StreamEntry;
  readonly decoded: Decoded;
}

/** The place of an operation among the entries, and what it asks for. */
interface Asked {
  readonly place: number;
  readonly ms: string;
  readonly gameId: string;
  readonly starts: boolean;
}

/** Whether the last thing that was asked for leaves each of these games running. */
export type FindRunning = (gameIds: readonly string[]) => Promise<ReadonlyMap<string, boolean>>;

/**
 * Puts the requests for one game that came within one millisecond by both streams into the only order that makes sense
 * of them: starts and stops in turns, a stop first where the game was asked to run before. Redis does not tell which
 * came first, for within the millisecond each stream counts for itself. The order within a stream stays.
 *
 * @param items in order of their ids, starts before stops within a millisecond
 */
export async function settleTies(
  items: readonly DecodedEntry[],
  findRunning: FindRunning,
): Promise<readonly DecodedEntry[]> {
  const asked = items.flatMap(({ entry, decoded }, place) =>
    'operation' in decoded ? [askedBy(decoded.operation, entry, place)] : [],
  );
  const groups = [...Map.groupBy(asked, (one) => `${one.ms} ${one.gameId}`).values()];
  const tied = new Set(groups.filter(isTied).map((group) => group[0]?.gameId ?? ''));
  if (tied.size === 0) return items;

  const running = new Map(await findRunning([...tied]));
  const settled = [...items];
  for (const group of groups) {
    const gameId = group[0]?.gameId ?? '';
    if (!tied.has(gameId)) continue;
    const inOrder = inTurns(group, running.get(gameId) ?? false);
    for (const [index, one] of inOrder.entries()) {
      const item = items[one.place];
      const place = group[index]?.place;
      if (item && place !== undefined) settled[place] = item;
      running.set(gameId, one.starts);
    }
  }
  return settled;
}

const askedBy = ({ gameId, opKind }: NewOperation, { id }: StreamEntry, place: number): Asked => ({
  place,
  ms: id.slice(0, id.indexOf('-')),
  gameId,
  starts: opKind === 'start',
});

const isTied = (group: readonly Asked[]): boolean =>
  group.some((one) => one.starts) && group.some((one) => !one.starts);

/** One of each kind in turns while there are both; what is left of one kind follows. */
function inTurns(group: readonly Asked[], running: boolean): Asked[] {
  const starts = group.filter((one) => one.starts);
  const stops = group.filter((one) => !one.starts);
  const [first, second] = running ? [stops, starts] : [starts, stops];
  return Array.from({ length: Math.max(first.length, second.length) }, (_, index) => [
    first[index],
    second[index],
  ])
    .flat()
    .filter((one) => one !== undefined);
}
