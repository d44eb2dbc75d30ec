import type { Redis } from 'ioredis';
import type { DatabasePool } from 'slonik';
import type { Channel } from '../lib/messages.ts';
import { compareStreamIds } from '../lib/stream-id.ts';
import { notedElsewhere, settleNoted } from '../sql/outbox.ts';

const BATCH = 500;

/** Messages that were published into a Redis which has lost its data since. */
export interface LostMessages {
  /** As `restore`, but looks only once in every life of Redis. */
  settle(epoch: string): Promise<void>;
  /**
   * Lets what the Redis of this epoch does not hold wait again; returns how many messages that were, those that
   * `settle` has found meanwhile included.
   */
  restore(epoch: string): Promise<number>;
}

interface LostMessagesOptions {
  db: DatabasePool;
  redis: Redis;
  streams: Readonly<Record<Channel, string>>;
  maxLen: number;
}

export function makeLostMessages({ db, redis, streams, maxLen }: LostMessagesOptions): LostMessages {
  let settled: { readonly epoch: string; readonly looked: Promise<number> } | undefined;
  let untold = 0;

  async function look(epoch: string): Promise<number> {
    let found = 0;
    for (;;) {
      const noted = await notedElsewhere(db, { epoch, limit: BATCH });
      if (noted.length === 0) return found;
      const present = await Promise.all(noted.map((row) => isInStream(row.channel, row.entryId)));
      const kept = noted.filter((_, index) => present[index]).map((row) => row.outboxId);
      const lost = noted.filter((_, index) => !present[index]).map((row) => row.outboxId);
      await db.transaction((transaction) => settleNoted(transaction, { kept, lost, epoch }));
      found += lost.length;
    }
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
    async settle(epoch) {
      if (settled?.epoch !== epoch) {
        const looked = look(epoch);
        settled = { epoch, looked };
        looked.then(
          (found) => {
            untold += found;
          },
          () => {
            settled = undefined;
          },
        );
      }
      await settled.looked;
    },
    async restore(epoch) {
      const found = (await look(epoch)) + untold;
      untold = 0;
      return found;
    },
  };
}
