import { setTimeout as delay } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { assertContract } from '../../helpers/assert-contract.ts';
import { eventually } from '../../helpers/eventually.ts';
import { exchange, type HttpExchange } from '../../helpers/http-exchange.ts';
import { type Entry, makeLobby, STREAMS } from '../../helpers/lobby.ts';
import type { Asked } from '../invariants.ts';
import type { SeededRandom } from './seeded-random.ts';
import { tailStream } from './stream-tail.ts';

/** Lobby, Game Master and Admin, who ask for anything at any time, and everything that they know in the end. */
export interface Clients extends AsyncDisposable {
  readonly asked: readonly Asked[];
  /** Operations that REST has named. */
  readonly accepted: readonly string[];
  readonly results: readonly Entry[];
  /** Made so far, by stream and REST. */
  readonly requests: number;
  /** Connections that broke before there was an answer; each such request was repeated elsewhere under its key. */
  readonly broken: number;
  /** Makes so many requests more, as fast as they are answered; ends early with the signal. */
  ask(count: number, signal?: AbortSignal): Promise<void>;
  /** Waits until everything is answered, or it is clear that it never will. */
  settle(): Promise<void>;
}

interface ClientsOptions {
  readonly redis: Redis;
  readonly random: SeededRandom;
  readonly games: readonly string[];
  readonly images: readonly string[];
  /** Where REST may be asked now. */
  readonly urls: () => readonly string[];
  /** Requests without an answer at most. */
  readonly window: number;
  /** Entries that the Lobby keeps in each stream of jobs, more than `window`; all, if nothing is said. */
  readonly keptJobs?: number;
}

/** In proportion: what is asked for how often. */
const MIX = [
  ...Array<'start job'>(6).fill('start job'),
  ...Array<'stop job'>(4).fill('stop job'),
  ...Array<'restart'>(3).fill('restart'),
  ...Array<'patch'>(3).fill('patch'),
  ...Array<'cleanup'>(2).fill('cleanup'),
  'start',
  'stop',
] as const;

const AGAIN_MS = 100;
const ANSWERED_WITHIN_MS = 90_000;

export function startClients(options: ClientsOptions): Clients {
  const { redis, random, games, images, urls, window, keptJobs } = options;
  const lobby = makeLobby({ client: redis });
  const asked: Asked[] = [];
  const accepted: string[] = [];
  const answered = new Set<string>();
  const unanswered = new Set<string>();
  /** Games that must not be asked by a stream before that millisecond: within one, nobody knows the order. */
  const quietUntilMs = new Map<string, number>();
  const underWay = new Set<Promise<void>>();
  let [requests, broken] = [0, 0];
  const tail = tailStream(redis, STREAMS.jobResults, ({ fields }) => {
    const key = `${fields.op_kind} ${fields.request_entry_id}`;
    answered.add(key);
    unanswered.delete(key);
  });
  const outstanding = (): number => underWay.size + unanswered.size;

  async function askByStream(kind: 'start' | 'stop', gameId: string): Promise<void> {
    quietUntilMs.set(gameId, Number.POSITIVE_INFINITY);
    const entryId =
      kind === 'start'
        ? await lobby.start(gameId, random.pick(images))
        : await lobby.stop(gameId, 'admin_request');
    asked.push({ gameId, kind, entryId });
    if (!answered.has(`${kind} ${entryId}`)) unanswered.add(`${kind} ${entryId}`);
    quietUntilMs.set(gameId, Number.parseInt(entryId, 10) + 1);
  }

  /** Repeats it elsewhere, under its key, until somebody answers. */
  async function askByRest(method: string, path: string, body: object | undefined): Promise<void> {
    const headers = {
      'Idempotency-Key': `request-${requests}`,
      'X-Galaxy-Caller': random.pick(['gm', 'admin']),
      ...(random.next() < 0.5 ? { Prefer: 'respond-async' } : {}),
    };
    const deadlineMs = performance.now() + ANSWERED_WITHIN_MS;
    for (;;) {
      const open = urls();
      const answer = open.length > 0 && (await tryRest(random.pick(open), path, { method, headers, body }));
      if (answer) {
        assertContract(answer);
        const operationId = answer.headers['operation-id'];
        if (operationId !== undefined) {
          accepted.push(String(operationId));
          return;
        }
        // PostgreSQL was away: whether the request was accepted nobody knows.
        if (answer.status !== 503) throw new Error(`${method} ${path} was answered with ${answer.text}`);
      }
      if (performance.now() > deadlineMs) throw new Error(`${method} ${path} was never answered`);
      await delay(AGAIN_MS);
    }
  }
  async function tryRest(
    url: string,
    path: string,
    options: Parameters<typeof exchange>[2],
  ): Promise<HttpExchange | undefined> {
    try {
      const signal = AbortSignal.timeout(ANSWERED_WITHIN_MS);
      return await exchange(url, `/api/v1/internal/runtimes/${path}`, { ...options, signal });
    } catch {
      broken += 1;
      return undefined;
    }
  }

  function askSomething(): Promise<void> {
    const gameId = random.pick(games);
    const what = random.pick(MIX);
    const image_ref = random.pick(images);
    switch (what) {
      case 'start job':
      case 'stop job':
        if ((quietUntilMs.get(gameId) ?? 0) >= Date.now()) return askSomething();
        return askByStream(what === 'start job' ? 'start' : 'stop', gameId);
      case 'restart':
        return askByRest('POST', `${gameId}/restart`, {});
      case 'patch':
      case 'start':
        return askByRest('POST', `${gameId}/${what}`, { image_ref });
      case 'stop':
        return askByRest('POST', `${gameId}/stop`, { reason: 'admin_request' });
      case 'cleanup':
        return askByRest('DELETE', `${gameId}/container`, undefined);
    }
  }

  let failure: unknown;
  return {
    asked,
    accepted,
    results: tail.entries,
    get requests() {
      return requests;
    },
    get broken() {
      return broken;
    },
    async ask(count, signal) {
      const most = requests + count;
      while (requests < most && !signal?.aborted) {
        if (failure) throw failure;
        if (outstanding() >= window) {
          await delay(2);
          continue;
        }
        requests += 1;
        const request = askSomething()
          .catch((error: unknown) => {
            failure ??= error;
          })
          .finally(() => underWay.delete(request));
        underWay.add(request);
        if (keptJobs !== undefined && requests % keptJobs === 0) await trimJobs(redis, keptJobs);
        // The streams are written in turn: what is asked of one game keeps its order.
        if (requests % 8 === 0) await delay(0);
      }
    },
    async settle() {
      await Promise.all(underWay);
      if (failure) throw failure;
      const settled = eventually(() => outstanding() === 0, {
        what: 'all answers',
        timeoutMs: ANSWERED_WITHIN_MS,
      });
      // What is missing is told by its name.
      await settled.catch(() => undefined);
    },
    async [Symbol.asyncDispose]() {
      await tail.close();
    },
  };
}

async function trimJobs(redis: Redis, kept: number): Promise<void> {
  for (const stream of [STREAMS.startJobs, STREAMS.stopJobs]) await redis.xtrim(stream, 'MAXLEN', kept);
}
