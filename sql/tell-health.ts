import { type DatabasePool, sql } from 'slonik';
import { z } from 'zod';
import type { HealthEvent } from '../lib/health.ts';
import { makeHealthEvent } from '../lib/messages.ts';
import { putSnapshot } from './health-snapshots.ts';
import { addMessages } from './outbox.ts';

const currentRow = z.strictObject({ runs: z.boolean() });

/**
 * Writes what was observed of a game's current container: snapshot and message at once or neither. Of one that has ended
 * by now it is told all the same, for events come in any order; the snapshot then stays as its end has left it.
 *
 * @returns false when the record names another container or none, and then nothing is written
 */
export function tellHealth(db: DatabasePool, gameId: string, event: HealthEvent): Promise<boolean> {
  return db.transaction(async (transaction) => {
    // Locked: whoever changes the record waits for this transaction, and its snapshot comes after ours.
    const current = await transaction.maybeOne(sql.type(currentRow)`
      select status = 'running' as runs from rtmanager.runtime_records
      where game_id = ${gameId} and status <> 'removed' and current_container_id = ${event.containerId}
      for no key update`);
    if (!current) return false;
    const added = await addMessages(transaction, [makeHealthEvent(gameId, event)]);
    // One that was told before has its place in the past; the snapshot tells of now.
    if (added > 0 && current.runs) await putSnapshot(transaction, gameId, event);
    return true;
  });
}
