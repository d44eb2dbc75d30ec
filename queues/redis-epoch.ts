import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';

/**
 * Names the life of a Redis: its process (`run_id`) and a marker key that its data carries. A restart, a
 * failover and a flush each change one of the two. Comparing stream ids would not do: they are made of the
 * time, so an emptied Redis soon hands out higher ones.
 */
export interface Epoch {
  readonly name: string;
  /** What the marker key holds. */
  readonly marker: string;
}

export interface RedisEpoch {
  readonly markerKey: string;
  /** The current epoch. Rejects when Redis does not answer. */
  current(): Promise<Epoch>;
  /** The epoch as it was found last on this connection: its data may be lost since then, but not its process. */
  known(): Promise<Epoch>;
}

export function makeRedisEpoch(redis: Redis, prefix: string): RedisEpoch {
  const markerKey = `${prefix}:epoch`;
  /** Counts connections: an answer may come by another one than the question before it. */
  let connection = 0;
  let runId: string | undefined;
  let found: Epoch | undefined;
  redis.on('close', () => {
    connection += 1;
    runId = undefined;
    found = undefined;
  });

  async function current(): Promise<Epoch> {
    for (;;) {
      const asked = connection;
      const ofProcess = runId ?? parseRunId(await redis.info('server'));
      const [, marker] = await Promise.all([redis.set(markerKey, randomUUID(), 'NX'), redis.get(markerKey)]);
      if (asked !== connection || marker === null) continue;
      runId = ofProcess;
      found = { name: `${ofProcess}/${marker}`, marker };
      return found;
    }
  }

  return { markerKey, current, known: async () => found ?? current() };
}

const parseRunId = (info: string): string => /^run_id:(\w+)/m.exec(info)?.[1] ?? 'unknown';
