import type { Redis } from 'ioredis';
import type { DatabasePool } from 'slonik';
import type { Channel } from '../lib/messages.ts';
import { compareStreamIds } from '../lib/stream-id.ts';
import { lockGames } from '../sql/locks.ts';
import {
  gamesToPublish,
  markPublished,
  notedElsewhere,
  type OutboxRow,
  prunePublished,
  settleNoted,
  unpublished,
} from '../sql/outbox.ts';
import { makeRedisEpoch } from './redis-epoch.ts';

const BATCH = 500;
/** Published rows are kept so long, to be published again if Redis loses them. */
const KEEP_MS = 60 * 60 * 1_000;

export interface Outbox {
  /** Publishes everything that waits for these games, in order. Rejects when Redis or PostgreSQL fails. */
  publish(gameIds: readonly string[]): Promise<void>;
  /** Publishes whatever waits, of any game. */
  publishAll(): Promise<void>;
  /** Finds messages that a Redis which lost data no longer has, and publishes them again; returns how many. */
  restoreLost(): Promise<number>;
  /** Drops rows that were published long ago. */
  prune(): Promise<void>;
}

interface OutboxOptions {
  /** Not the pool that operations need: a slow Redis must not hold their connections. */
  db: DatabasePool;
  redis: Redis;
  streams: Readonly<Record<Channel, string>>;
  /** Approximate length to which each stream is trimmed. */
  maxLen: number;
  prefix: string;
}

/**
 * The one path by which messages leave: whoever publishes takes the game's publish lock first, so the entries of
 * one game leave in order even when a finished operation and the repair sweep meet. A crash between XADD and the
 * note repeats an entry; it never loses one.
 */
export function makeOutbox({ db, redis, streams, maxLen, prefix }: OutboxOptions): Outbox {
  const epochs = makeRedisEpoch(redis, prefix);

  async function publishBatch(gameIds: readonly string[]): Promise<number> {
    // Read before the entries are added: a Redis that dies in between is then found to be another one. And before a
    // connection is taken: a Redis that is away holds none.
    const epoch = await epochs.current();
    const { count, firstError } = await db.transaction(async (transaction) => {
      await lockGames(transaction, 'publish', gameIds);
      const rows = await unpublished(transaction, { gameIds, limit: BATCH });
      if (rows.length === 0) return { count: 0, firstError: null };
      const { published, firstError } = await addEntries(rows);
      if (published.length > 0) await markPublished(transaction, { published, epoch });
      return { count: rows.length, firstError };
    });
    // Only now, so that what did leave is noted.
    if (firstError) throw firstError;
    return count;
  }

  async function addEntries(rows: readonly OutboxRow[]) {
    const pipeline = redis.pipeline();
    for (const row of rows) {
      pipeline.xadd(streams[row.channel], 'MAXLEN', '~', maxLen, '*', ...row.fields.flat());
    }
    const answers = (await pipeline.exec()) ?? [];
    const published = rows.flatMap((row, index) => {
      const [error, entryId] = answers[index] ?? [new Error('no answer')];
      return error ? [] : [{ outboxId: row.outboxId, entryId: String(entryId) }];
    });
    return { published, firstError: answers.find(([error]) => error)?.[0] };
  }

  async function publish(gameIds: readonly string[]): Promise<void> {
    if (gameIds.length === 0) return;
    while ((await publishBatch(gameIds)) === BATCH);
  }

  async function isInStream(channel: Channel, entryId: string): Promise<boolean> {
    const stream = streams[channel];
    if ((await redis.xrange(stream, entryId, entryId)).length > 0) return true;
    // Older than the oldest entry of a full stream: trimmed, not lost.
    const [oldest] = await redis.xrange(stream, '-', '+', 'COUNT', 1);
    return (
      oldest !== undefined && compareStreamIds(entryId, oldest[0]) < 0 && (await redis.xlen(stream)) >= maxLen
    );
  }

  return {
    publish,
    async publishAll() {
      for (;;) {
        const gameIds = await gamesToPublish(db, BATCH);
        await publish(gameIds);
        if (gameIds.length < BATCH) return;
      }
    },
    async restoreLost() {
      const epoch = await epochs.current();
      let restored = 0;
      for (;;) {
        const noted = await notedElsewhere(db, { epoch, limit: BATCH });
        if (noted.length === 0) return restored;
        const present = await Promise.all(noted.map((row) => isInStream(row.channel, row.entryId)));
        const kept = noted.filter((_, index) => present[index]).map((row) => row.outboxId);
        const lost = noted.filter((_, index) => !present[index]).map((row) => row.outboxId);
        await db.transaction((transaction) => settleNoted(transaction, { kept, lost, epoch }));
        restored += lost.length;
      }
    },
    async prune() {
      while ((await prunePublished(db, { ageMs: KEEP_MS, limit: BATCH })) === BATCH);
    },
  };
}
