import { pruneHealthEvents, pruneOperations, pruneSnapshots } from '../sql/prune-history.ts';
import type { TickHandler } from './types.ts';

/** Rows of one statement: few enough that nobody waits for its locks, and that little is done twice after a crash. */
const BATCH = 1_000;

/**
 * Deletes finished operations, what was told of the health of games, and what was last observed of removed ones, that are
 * older than RTMANAGER_OPERATION_LOG_RETENTION_DAYS. Records of games stay: they are one row a game.
 */
export const forgetHistory: TickHandler = async ({ db, config, now, log, signal }) => {
  const untilMs = now() - config.cleanup.operationLogRetentionMs;
  const inBatches = async (prune: typeof pruneOperations): Promise<number> => {
    let gone = 0;
    while (!signal.aborted) {
      const batch = await prune(db, { untilMs, limit: BATCH });
      gone += batch;
      if (batch < BATCH) break;
    }
    return gone;
  };
  const operations = await inBatches(pruneOperations);
  const snapshots = await inBatches(pruneSnapshots);
  const healthEvents = await inBatches(pruneHealthEvents);
  if (operations + snapshots + healthEvents > 0) {
    log.info('old history is forgotten', { operations, snapshots, health_events: healthEvents });
  }
};
