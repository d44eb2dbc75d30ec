import type { Redis } from 'ioredis';
import type { DatabasePool } from 'slonik';
import type { Channel } from '../lib/messages.ts';
import {
  gamesToPublish,
  markPublished,
  type OutboxRow,
  prunePublished,
  takeUnpublished,
} from '../sql/outbox.ts';
import { makeAddEntries } from './add-entries.ts';
import { makeLostMessages } from './lost-messages.ts';
import { type Epoch, makeRedisEpoch } from './redis-epoch.ts';

const BATCH = 500;
/** Published rows are kept so long, to be published again if Redis loses them. */
const KEEP_MS = 60 * 60 * 1_000;

export interface Outbox {
  /** Publishes everything that waits for these games, in order. Rejects when Redis or PostgreSQL fails. */
  publish(gameIds: readonly string[]): Promise<void>;
  /** Publishes whatever waits, of any game. */
  publishAll(): Promise<void>;
  /** Finds messages that a Redis which lost data no longer has, and lets them wait again; returns how many. */
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

/** Nothing was added. */
class OtherLifeError extends Error {
  constructor() {
    super('Redis has begun another life since it was looked at');
    this.name = 'OtherLifeError';
  }
}

/**
 * The one path by which messages leave: whoever publishes takes the game's publish lock first, so the entries of
 * one game leave in order even when a finished operation and the repair sweep meet. A crash between XADD and the
 * note repeats an entry; it never loses one.
 */
export function makeOutbox({ db, redis, streams, maxLen, prefix }: OutboxOptions): Outbox {
  const epochs = makeRedisEpoch(redis, prefix);
  const addEntries = makeAddEntries(redis, { markerKey: epochs.markerKey, maxLen });
  const lost = makeLostMessages({ db, redis, streams, maxLen });

  /** Publishes up to `BATCH` messages. Channels whose stream refuses are added to `refused`, and left out from then on. */
  async function publishBatch(gameIds: readonly string[], refused: Map<Channel, Error>): Promise<number> {
    // Before a connection is taken: a Redis that is known to be away holds none.
    const epoch = await epochs.known();
    // First of all what this Redis has lost: of one game it is older than what waits.
    await lost.settle(epoch.name);
    return db.transaction(async (transaction) => {
      const rows = await takeUnpublished(transaction, { gameIds, limit: BATCH, except: [...refused.keys()] });
      if (rows.length === 0) return 0;
      // What another process of Redis has lost may wait by now, older than these.
      if ((await epochs.known()).name !== epoch.name) throw new OtherLifeError();
      const published = await addRows(rows, epoch, refused);
      if (published.length > 0) await markPublished(transaction, { published, epoch: epoch.name });
      return rows.length;
    });
  }

  async function addRows(rows: readonly OutboxRow[], epoch: Epoch, refused: Map<Channel, Error>) {
    const answers = await addEntries(
      rows.map(({ channel, fields }) => ({ stream: streams[channel], fields })),
      epoch,
    );
    if (!answers) throw new OtherLifeError();
    return rows.flatMap((row, index) => {
      const answer = answers[index] ?? new Error('no answer');
      if (!(answer instanceof Error)) return [{ outboxId: row.outboxId, entryId: answer }];
      refused.set(row.channel, answer);
      return [];
    });
  }

  async function publishInThisLife(
    gameIds: readonly string[],
    refused: Map<Channel, Error>,
  ): Promise<number> {
    try {
      return await publishBatch(gameIds, refused);
    } catch (error) {
      if (!(error instanceof OtherLifeError)) throw error;
      await epochs.current();
      return publishBatch(gameIds, refused);
    }
  }

  /** One stream that refuses must not keep back what belongs to the others, however much of it waits in front. */
  async function publishGames(gameIds: readonly string[], refused: Map<Channel, Error>): Promise<void> {
    if (gameIds.length === 0) return;
    for (;;) {
      const known = refused.size;
      const count = await publishInThisLife(gameIds, refused);
      if (count < BATCH && refused.size === known) return;
    }
  }

  async function publish(gameIds: readonly string[]): Promise<void> {
    const refused = new Map<Channel, Error>();
    await publishGames(gameIds, refused);
    throwFirst(refused);
  }

  return {
    publish,
    async publishAll() {
      const refused = new Map<Channel, Error>();
      for (;;) {
        const known = refused.size;
        const gameIds = await gamesToPublish(db, { limit: BATCH, except: [...refused.keys()] });
        await publishGames(gameIds, refused);
        if (gameIds.length < BATCH && refused.size === known) break;
      }
      throwFirst(refused);
    },
    async restoreLost() {
      return lost.restore((await epochs.current()).name);
    },
    async prune() {
      while ((await prunePublished(db, { ageMs: KEEP_MS, limit: BATCH })) === BATCH);
    },
  };
}

function throwFirst(refused: ReadonlyMap<Channel, Error>): void {
  for (const error of refused.values()) throw error;
}
