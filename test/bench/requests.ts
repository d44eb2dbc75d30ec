import { setTimeout as delay } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { STREAMS } from '../helpers/lobby.ts';

/** Answers that do not come within this time will not come. */
const LATE_MS = 120_000;
const BATCH = 500;

/** What came of a number of requests, by the ids that Redis gave requests and answers. */
export interface Answered {
  readonly count: number;
  /** From the first request to the last answer. */
  readonly tookMs: number;
  /** From each request to its answer. */
  readonly latenciesMs: readonly number[];
}

/** Plays a Lobby that asks a lot. */
export interface Requests {
  /** A start and a stop of so many games that are not known yet, written as fast as they go. */
  flood(games: number): Promise<Answered>;
  /** As many operations a second as are asked for: each game is started, and stopped a second later. */
  pace(perSecond: number, seconds: number): Promise<Answered>;
  /** The same games one at a time, each start and stop when the one before was answered. */
  oneByOne(games: number): Promise<Answered>;
}

const timeOf = (entryId: string): number => Number(entryId.split('-')[0]);
const TICK_MS = 20;

interface Job {
  readonly kind: 'start' | 'stop';
  readonly game: string;
}

/** A request that was written. An id alone names none: each of the two streams gives out its own. */
interface Request {
  readonly kind: string;
  readonly entryId: string;
}
const nameOf = ({ kind, entryId }: Request): string => `${kind} ${entryId}`;

export function makeRequests(redis: Redis): Requests {
  let games = 0;
  let lastResult = '0-0';

  const newGame = (): string => `overhead-${games++}`;

  async function write(jobs: readonly Job[]): Promise<Request[]> {
    const pipeline = redis.pipeline();
    for (const { kind, game } of jobs) {
      const [stream, what] =
        kind === 'start'
          ? [STREAMS.startJobs, ['image_ref', 'galaxy/game:1.0.0']]
          : [STREAMS.stopJobs, ['reason', 'finished']];
      pipeline.xadd(stream, '*', 'game_id', game, ...what, 'requested_at_ms', String(Date.now()));
    }
    const written = (await pipeline.exec()) ?? [];
    return jobs.map(({ kind }, index) => {
      const [error, id] = written[index] ?? [new Error('Redis said nothing')];
      if (error) throw error;
      return { kind, entryId: String(id) };
    });
  }

  /** Waits for the answers to these requests; each must be there once, and a success. */
  async function answers(requests: readonly Request[], pauseMs = 20): Promise<Answered> {
    const waiting = new Set(requests.map(nameOf));
    const latenciesMs: number[] = [];
    const until = performance.now() + LATE_MS;
    let lastMs = 0;
    while (waiting.size > 0) {
      if (performance.now() > until) throw new Error(`${waiting.size} requests have no answer`);
      const entries = await redis.xrange(STREAMS.jobResults, `(${lastResult}`, '+', 'COUNT', 2_000);
      if (entries.length === 0) await delay(pauseMs);
      for (const [id, flat] of entries) {
        lastResult = id;
        lastMs = timeOf(id);
        const field = (name: string): string => flat[flat.indexOf(name) + 1] ?? '';
        const asked = { kind: field('op_kind'), entryId: field('request_entry_id') };
        if (field('outcome') !== 'success') throw new Error(`a request failed: ${flat}`);
        if (!waiting.delete(nameOf(asked))) throw new Error(`an answer that nobody waits for: ${flat}`);
        latenciesMs.push(lastMs - timeOf(asked.entryId));
      }
    }
    return { count: requests.length, tookMs: lastMs - timeOf(requests[0]?.entryId ?? ''), latenciesMs };
  }

  return {
    async flood(count) {
      const names = Array.from({ length: count }, newGame);
      const requests: Request[] = [];
      for (const kind of ['start', 'stop'] as const) {
        for (let from = 0; from < count; from += BATCH) {
          const batch = names.slice(from, from + BATCH);
          requests.push(...(await write(batch.map((game) => ({ kind, game })))));
        }
      }
      return answers(requests);
    },
    async pace(perSecond, seconds) {
      const requests: Request[] = [];
      const running: { game: string; sinceMs: number }[] = [];
      const beganAtMs = performance.now();
      let started = 0;
      for (;;) {
        const nowMs = performance.now();
        const due = Math.floor(((nowMs - beganAtMs) / 1_000) * (perSecond / 2));
        const jobs: Job[] = [];
        for (; nowMs - beganAtMs < seconds * 1_000 && started < due; started += 1) {
          const game = newGame();
          running.push({ game, sinceMs: nowMs });
          jobs.push({ kind: 'start', game });
        }
        for (let first = running[0]; first && nowMs - first.sinceMs >= 1_000; first = running[0]) {
          jobs.push({ kind: 'stop', game: first.game });
          running.shift();
        }
        requests.push(...(await write(jobs)));
        if (nowMs - beganAtMs >= seconds * 1_000 && running.length === 0) return answers(requests);
        await delay(TICK_MS);
      }
    },
    async oneByOne(count) {
      const each: Answered[] = [];
      for (let index = 0; index < count; index += 1) {
        const game = newGame();
        for (const kind of ['start', 'stop'] as const) {
          each.push(await answers(await write([{ kind, game }]), 1));
        }
      }
      return {
        count: each.length,
        tookMs: each.reduce((sum, one) => sum + one.tookMs, 0),
        latenciesMs: each.flatMap((one) => one.latenciesMs),
      };
    },
  };
}
