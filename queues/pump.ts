import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type { CommonQueryMethods, DatabasePool } from 'slonik';
import type { Logger } from '../lib/logger.ts';
import { compareStreamIds } from '../lib/stream-id.ts';
import { traceAccepted } from '../lib/telemetry/accepted.ts';
import type { JobStream } from '../lib/telemetry/label-sets.ts';
import { type Metrics, NO_METRICS } from '../lib/telemetry/metrics.ts';
import { NO_TRACING, type Tracing } from '../lib/telemetry/tracing.ts';
import { keepPumpLock, releasePumpLock, tryPumpLock } from '../sql/locks.ts';
import { operationsKeptFrom } from '../sql/prune-history.ts';
import { loadCursors, moveCursor } from '../sql/stream-cursors.ts';
import { acceptBatch, PumpFencedError } from './accept-batch.ts';
import type { EntryDecoder } from './decode-entry.ts';
import type { Dispatcher } from './dispatch.ts';
import type { Outbox } from './outbox.ts';
import { makePortion, type Portion } from './portion.ts';
import { untilReady } from './redis.ts';
import { isForbidden } from './redis-error.ts';
import { makeRedisRefusals, type RedisRefusals } from './redis-refusals.ts';
import { readMerged, waitForEntries } from './stream-reader.ts';
import { within } from './within.ts';

/** Entries of one stream in one batch at most: one transaction stays short, and a backlog of any size fits in memory. */
const BATCH = 500;
/** How long a replica that does not pump waits before it offers itself again, and a failed one before it retries. */
const RETRY_MS = 1_000;
/** A leader that says nothing to PostgreSQL for so long at most, beside its waiting for entries, loses the lock. */
const SILENCE_MS = 15_000;
/** How long closing waits for the batch in hand. */
const CLOSE_MS = 5_000;
/** How often the streams are looked at for lost entries. */
const LOOK_MS = 1_000;

export interface Pump {
  /** Whether this replica is the one that reads the streams. */
  readonly leads: boolean;
  /** Stops after the batch in hand. */
  close(): Promise<void>;
}

interface PumpDeps {
  db: DatabasePool;
  /** A connection of its own: reading blocks it. */
  redis: Redis;
  /** The streams to read, by what they bring. */
  streams: Readonly<Record<JobStream, string>>;
  blockMs: number;
  decoder: EntryDecoder;
  dispatcher: Dispatcher;
  outbox: Outbox;
  log: Logger;
  /** Gets whatever Redis refuses the pump, which cannot read the streams then. */
  refusals?: RedisRefusals;
  /** How long the others let a leader be that gives no sign of life, milliseconds; 15 s at most. */
  silenceMs?: number;
  metrics?: Metrics;
  tracing?: Tracing;
}

/**
 * Moves requests from the streams into the games' queues. One replica pumps at a time: whoever holds a session
 * advisory lock, and its transactions run on that very session, so a pump that lost its lock can insert nothing.
 */
export function startPump(deps: PumpDeps): Pump {
  const { db, redis, log, silenceMs = SILENCE_MS, metrics = NO_METRICS, tracing = NO_TRACING } = deps;
  const { refusals = makeRedisRefusals() } = deps;
  const roles = new Map(Object.entries(deps.streams).map(([role, stream]) => [stream, role as JobStream]));
  const streams = [...roles.keys()];
  const closing = new AbortController();
  let lookedAtMs = Number.NEGATIVE_INFINITY;
  let wokenAtMs = Number.NEGATIVE_INFINITY;
  let wasIdle = false;
  let leads = false;

  async function run(): Promise<void> {
    while (!closing.signal.aborted) {
      try {
        // Without Redis there is nothing to lead; the connection itself tells of the outage, once.
        await untilReady(redis, RETRY_MS);
        if (redis.status === 'ready') await db.connect(lead);
      } catch (error) {
        if (isForbidden(error)) refusals.note(error);
        if (!closing.signal.aborted) log.warn('pump interrupted, it goes on from its cursors', { error });
      }
      await sleep(RETRY_MS, undefined, { signal: closing.signal }).catch(() => {});
    }
  }

  async function lead(session: CommonQueryMethods): Promise<void> {
    if (!(await tryPumpLock(session, deps.blockMs + Math.min(silenceMs, SILENCE_MS)))) return;
    log.info('this replica pumps the job streams');
    leads = true;
    try {
      const cursors = await loadCursors(session, streams);
      const portion = makePortion(BATCH);
      while (!closing.signal.aborted) await pumpOnce(session, cursors, portion);
    } finally {
      leads = false;
      await releasePumpLock(session);
    }
  }

  async function pumpOnce(
    session: CommonQueryMethods,
    cursors: Map<string, string>,
    portion: Portion,
  ): Promise<void> {
    const entries = await readMerged(redis, cursors, portion.count);
    portion.took(entries);
    const isIdle = entries.length === 0;
    // Not only when there is nothing to read: one busy stream would hide for ever that the other was lost. But what ends a
    // wait is not made to wait.
    const sinceMs = isIdle ? lookedAtMs : Math.max(lookedAtMs, wokenAtMs);
    if (performance.now() - sinceMs > LOOK_MS) {
      lookedAtMs = performance.now();
      // What was read is read again, behind what was lost and may be older.
      if (await rewindLost(session, cursors)) return;
    }
    if (isIdle) {
      // Also where what ended the wait was gone when it was to be read.
      if (!(await waitForEntries(redis, cursors, deps.blockMs)) || wasIdle) await keepPumpLock(session);
      wasIdle = true;
      wokenAtMs = performance.now();
      return;
    }
    wasIdle = false;
    const accepted = await acceptBatch(session, entries, cursors, deps);
    // Accepted is accepted: what fails from here on is caught up by the repair sweep.
    const passedOn = Promise.all([
      deps.dispatcher
        .wake(accepted.operations)
        .catch((error: unknown) => log.warn('dispatch is left to repair', { error })),
      deps.outbox
        .publish(accepted.answered)
        .catch((error: unknown) => log.warn('publishing is left to repair', { error })),
    ]);
    for (const operation of accepted.operations) traceAccepted(tracing, operation);
    for (const stream of accepted.rejectedFrom) {
      metrics.count('deadLetters', { stream: roles.get(stream) ?? 'start_jobs' });
    }
    await passedOn;
  }

  /**
   * A stream whose newest id lies before our cursor has lost entries with its Redis, and new ones may get ids that
   * the cursor would hide. So it is read again from its beginning; what was accepted before is recognised, unless it
   * is so old that the log has forgotten it: that is left alone. True when there was such a stream.
   */
  async function rewindLost(session: CommonQueryMethods, cursors: Map<string, string>): Promise<boolean> {
    let rewound = false;
    const newest = await newestIds(redis, [...cursors.keys()]);
    for (const [stream, from] of cursors) {
      if (compareStreamIds(newest.get(stream) ?? '0-0', from) >= 0) continue;
      const to = `${await operationsKeptFrom(session)}-0`;
      if (compareStreamIds(from, to) <= 0) continue;
      log.warn('the stream has lost entries, it is read again', { stream, last_id: from, from: to });
      if (!(await moveCursor(session, { stream, from, to }))) throw new PumpFencedError(stream);
      cursors.set(stream, to);
      rewound = true;
    }
    return rewound;
  }

  const running = run();
  return {
    get leads() {
      return leads;
    },
    async close() {
      closing.abort();
      // Ends a read that is waiting for entries.
      redis.disconnect();
      // A PostgreSQL that has fallen silent is not waited for: what was not committed is read again.
      await within(running, CLOSE_MS);
    },
  };
}

/**
 * The id that each stream gave out last, in one round trip; `0-0` for a stream that is not there. The deletion of an
 * entry that cannot exist makes a server refuse that a failover has left behind: reads alone would never find that out.
 */
async function newestIds(redis: Redis, streams: readonly string[]): Promise<Map<string, string>> {
  const pipeline = redis.pipeline().xdel(streams[0] ?? '', '0-0');
  for (const stream of streams) pipeline.exists(stream).xinfo('STREAM', stream);
  const [[refusal] = [new Error('no answer')], ...answers] = (await pipeline.exec()) ?? [];
  if (refusal) throw refusal;
  return new Map(
    streams.map((stream, index) => {
      const [existsError, exists] = answers[2 * index] ?? [new Error('no answer')];
      const [infoError, info] = answers[2 * index + 1] ?? [new Error('no answer')];
      if (existsError) throw existsError;
      if (exists === 0) return [stream, '0-0'];
      if (infoError) throw infoError;
      const facts = info as unknown[];
      return [stream, String(facts[facts.indexOf('last-generated-id') + 1])];
    }),
  );
}
