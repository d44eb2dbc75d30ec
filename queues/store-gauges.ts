import type { Meter } from '@opentelemetry/api';
import type { Redis } from 'ioredis';
import type { DatabasePool } from 'slonik';
import type { Logger } from '../lib/logger.ts';
import { addGauges } from '../lib/telemetry/gauges.ts';
import { makeKeptReading } from '../lib/telemetry/kept-reading.ts';
import { JOB_STREAMS, type JobStream } from '../lib/telemetry/label-sets.ts';
import { type FleetGauges, readFleetGauges } from '../sql/fleet-gauges.ts';
import { readCursors } from '../sql/stream-cursors.ts';

/** How long a reading is good for: less than scrapes are apart, so that each of one Prometheus is a new one. */
const KEEP_MS = 5_000;
/** A store that takes longer is left out of the scrape. */
const WAIT_MS = 1_000;

interface StoreGaugesDeps {
  readonly meter: Meter;
  /** Not the pool that operations need. */
  readonly db: DatabasePool;
  /** Fails fast. */
  readonly redis: Redis;
  readonly streams: Readonly<Record<JobStream | 'dead_letters', string>>;
  readonly log: Logger;
}

/** What PostgreSQL and Redis hold of all replicas' work, asked when somebody reads the metrics, and shared for a while. */
export function addStoreGauges({ meter, db, redis, streams, log }: StoreGaugesDeps): void {
  const kept = <T>(store: string, read: () => Promise<T>) =>
    makeKeptReading({
      read,
      keepMs: KEEP_MS,
      waitMs: WAIT_MS,
      onFailure: (error) => log.warn('metrics are told without those of a store', { store, error }),
    });
  const jobStreams = JOB_STREAMS.map((role) => streams[role]);
  const fleet = kept('postgres', async () => {
    // One after the other: two questions at once would take both connections that REST has.
    const gauges = await readFleetGauges(db);
    return { gauges, cursors: await readCursors(db, jobStreams) };
  });
  // Waits for PostgreSQL not at all: a store that is silent says nothing of the other one.
  const deadLetters = kept('redis', () => redis.xlen(streams.dead_letters));
  const lags = kept('redis', async () => {
    const cursors = (await fleet())?.cursors;
    return cursors ? readLags(redis, streams, cursors) : null;
  });

  addGauges(
    meter,
    [
      'queueOperations',
      'queueOldestAge',
      'outboxMessages',
      'outboxOldestAge',
      'games',
      'gamesFailingProbe',
      'streamLag',
      'deadLetterEntries',
      'storeUp',
    ],
    async (observe) => {
      const [rows, letters, lagOf] = await Promise.all([fleet(), deadLetters(), lags()]);
      observe('storeUp', rows ? 1 : 0, { store: 'postgres' });
      observe('storeUp', letters === null ? 0 : 1, { store: 'redis' });
      if (rows) observeFleet(rows.gauges);
      if (letters === null) return;
      observe('deadLetterEntries', letters, {});
      for (const [stream, lag] of lagOf ?? []) observe('streamLag', lag, { stream });

      function observeFleet(gauges: FleetGauges): void {
        observe('queueOperations', gauges.queued, { state: 'queued' });
        observe('queueOperations', gauges.running, { state: 'running' });
        observe('queueOldestAge', gauges.oldestAge ?? 0, {});
        observe('outboxMessages', gauges.unpublished, {});
        observe('outboxOldestAge', gauges.oldestUnpublishedAge ?? 0, {});
        observe('games', gauges.gamesRunning, { status: 'running' });
        observe('games', gauges.gamesStopped, { status: 'stopped' });
        observe('gamesFailingProbe', gauges.failingProbe, {});
      }
    },
  );
}

/**
 * Seconds that the oldest entry behind each cursor stands there, 0 without one. One round trip; ages are by the clock
 * that made the ids.
 */
async function readLags(
  redis: Redis,
  streams: StoreGaugesDeps['streams'],
  cursors: ReadonlyMap<string, string>,
): Promise<ReadonlyMap<JobStream, number>> {
  const pipeline = redis.pipeline().time();
  for (const role of JOB_STREAMS) {
    const stream = streams[role];
    pipeline.xrange(stream, `(${cursors.get(stream) ?? '0-0'}`, '+', 'COUNT', 1);
  }
  const [time, ...next] = ((await pipeline.exec()) ?? []).map(([error, answer]) => {
    if (error) throw error;
    return answer;
  });
  const [seconds, micros] = (time as [string, string]).map(Number) as [number, number];
  const lagOf = (index: number): number => {
    const [oldest] = next[index] as [string, string[]][];
    return oldest ? Math.max(0, seconds + micros / 1e6 - Number(oldest[0].split('-')[0]) / 1e3) : 0;
  };
  return new Map(JOB_STREAMS.map((role, index) => [role, lagOf(index)]));
}
