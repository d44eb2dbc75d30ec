import { type DatabasePool, sql } from 'slonik';
import type { HealthEvent } from '../lib/health.ts';
import { makeHealthEvent } from '../lib/messages.ts';
import { putSnapshot } from './health-snapshots.ts';
import { addMessages } from './outbox.ts';

/**
 * Writes what was observed of a game's running container: snapshot and message at once or neither, and only while the
 * record still says that this very container runs; what came in between has told a newer story.
 *
 * @returns false when the record says otherwise, and then nothing is written
 */
export function tellHealth(db: DatabasePool, gameId: string, event: HealthEvent): Promise<boolean> {
  return db.transaction(async (transaction) => {
    // Shared: whoever changes the record waits for this transaction, and its snapshot comes after ours.
    const runs = await transaction.maybeOne(sql.unsafe`
      select 1 from rtmanager.runtime_records
      where game_id = ${gameId} and status = 'running' and current_container_id = ${event.containerId} for share`);
    if (!runs) return false;
    const added = await addMessages(transaction, [makeHealthEvent(gameId, event)]);
    // One that was told before has its place in the past; the snapshot tells of now.
    if (added > 0) await putSnapshot(transaction, gameId, event);
    return true;
  });
}
