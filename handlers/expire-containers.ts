import { expiryMs } from '../lib/expiry.ts';
import { acceptIdleGames } from '../sql/accept-idle.ts';
import { listExpiredGames } from '../sql/expired-games.ts';
import type { TickHandler } from './types.ts';

/** Games a tick hands over at most, the oldest first: it never grows with the backlog, and the next one goes on. */
const MOST_GAMES = 5_000;

/**
 * Queues the cleanup of games that stand still for longer than RTMANAGER_CONTAINER_RETENTION_DAYS (spec, section 5).
 * The cleanup looks at the game again when its turn comes; one that is busy now is for a later tick.
 */
export const expireContainers: TickHandler = async (context) => {
  const { db, wake, now, log } = context;
  const expired = await listExpiredGames(db, { untilMs: expiryMs(context), limit: MOST_GAMES });
  const requestedAt = now();
  const operations = expired.map((seen) => ({
    seen,
    gameId: seen.gameId,
    opKind: 'cleanup_container' as const,
    opSource: 'auto_ttl' as const,
    sourceRef: null,
    imageRef: null,
    reason: null,
    requestedAt,
  }));
  const games = await acceptIdleGames(db, operations, wake);
  if (games > 0) log.info('games stand still for too long, their containers are to be removed', { games });
};
