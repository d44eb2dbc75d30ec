import { setTimeout as delay } from 'node:timers/promises';
import { exchange } from '../../helpers/http-exchange.ts';
import { STREAMS } from '../../helpers/lobby.ts';
import type { Asked } from '../invariants.ts';
import { type FaultWorld, IMAGE } from './fault-world.ts';
import { type Requests, sourceRefOf } from './look-after.ts';

/** An entry that Redis has confirmed, and when. */
interface Written extends Asked {
  readonly atMs: number;
}

/** Lobby and Game Master, who go on whatever is broken: what was not confirmed they ask for again. */
export interface Traffic {
  /** Requests so far. */
  count(): number;
  /** All that must end. */
  all(): Requests;
  /** Those confirmed since it was asked last. */
  take(): Requests;
  /** Of these what was not forgotten since. */
  known(requests: Requests): Requests;
  /** Leaves out what was lost with its stream: written in that time, and not among the entries that were read. */
  forgetUnread(read: ReadonlySet<string>, sinceMs: number, untilMs: number): void;
  /** What REST answered that no client could go on with. */
  readonly refused: readonly string[];
  resume(): void;
  /** Resolves when every game's request in hand is confirmed. */
  pause(): Promise<void>;
}

/** Of one game in turn, over and over: by stream or by REST, what changes something and what does not. */
const STEPS = [
  'stream start',
  'rest restart',
  'stream stop',
  'rest start',
  'stream start',
  'rest stop',
  'stream stop',
  'stream start',
  'rest stop',
] as const;
type Step = (typeof STEPS)[number];

/** Between two requests of a game. */
const THINK_MS = 400;
const AGAIN_MS = 100;
/** Longer than RTM takes to say that PostgreSQL does not answer. */
const REST_PATIENCE_MS = 15_000;

export function makeTraffic({ client, replicas }: FaultWorld, games: number): Traffic {
  let asked: Written[] = [];
  const accepted: string[] = [];
  const refused: string[] = [];
  const places = new Map(Array.from({ length: games }, (_, number) => [`game-${number}`, number]));
  let flowing = false;
  let underWay: Promise<unknown> = Promise.resolve();
  let keys = 0;
  let requests = 0;
  let taken = new Set<string>();

  async function play(gameId: string): Promise<void> {
    // Not all in step.
    await delay(Math.random() * THINK_MS);
    while (flowing) {
      const place = places.get(gameId) ?? 0;
      places.set(gameId, place + 1);
      await ask(gameId, STEPS[place % STEPS.length] ?? 'stream start', place);
      await delay(THINK_MS * (0.5 + Math.random()));
    }
  }

  async function ask(gameId: string, step: Step, place: number): Promise<void> {
    const [way, kind] = step.split(' ') as ['stream' | 'rest', 'start' | 'stop' | 'restart'];
    if (way === 'rest') return askByRest(gameId, kind, place);
    if (kind !== 'restart') await write(gameId, kind);
  }

  async function write(gameId: string, kind: 'start' | 'stop'): Promise<void> {
    const what = kind === 'start' ? ['image_ref', IMAGE] : ['reason', 'finished'];
    const stream = kind === 'start' ? STREAMS.startJobs : STREAMS.stopJobs;
    for (;;) {
      try {
        const fields = ['game_id', gameId, ...what, 'requested_at_ms', String(Date.now())];
        const entryId = String(await client.xadd(stream, '*', ...fields));
        asked.push({ gameId, kind, entryId, atMs: Date.now() });
        requests += 1;
        return;
      } catch {
        await delay(AGAIN_MS);
      }
    }
  }

  /** With one key until an operation is named; every other request also waits for its end. */
  async function askByRest(gameId: string, verb: string, place: number): Promise<void> {
    keys += 1;
    const headers = { 'Idempotency-Key': `key-${keys}`, ...(place % 2 ? { Prefer: 'respond-async' } : {}) };
    const body = { start: { image_ref: IMAGE }, stop: { reason: 'finished' } }[verb] ?? {};
    for (let tries = place; ; tries += 1) {
      const url = replicas[tries % replicas.length]?.url ?? '';
      try {
        const answer = await exchange(url, `/api/v1/internal/runtimes/${gameId}/${verb}`, {
          method: 'POST',
          headers,
          body,
          signal: AbortSignal.timeout(REST_PATIENCE_MS),
        });
        const operationId = answer.headers['operation-id'];
        if (operationId !== undefined) {
          accepted.push(String(operationId));
          requests += 1;
          return;
        }
        if (answer.status !== 503) {
          refused.push(`${verb} of ${gameId}: ${answer.status} ${answer.text}`);
          return;
        }
      } catch {
        // Nobody answered: whether it was accepted is not known, and the key finds out.
      }
      await delay(AGAIN_MS);
    }
  }

  return {
    count: () => requests,
    all: () => ({ asked, accepted }),
    take() {
      const fresh = {
        asked: asked.filter((one) => !taken.has(sourceRefOf(one))),
        accepted: accepted.filter((id) => !taken.has(id)),
      };
      taken = new Set([...asked.map(sourceRefOf), ...accepted]);
      return fresh;
    },
    known: (given) => ({
      ...given,
      asked: given.asked.filter((one) => asked.some(({ entryId }) => entryId === one.entryId)),
    }),
    forgetUnread(read, sinceMs, untilMs) {
      const isLost = (one: Written) =>
        one.atMs >= sinceMs && one.atMs <= untilMs && !read.has(sourceRefOf(one));
      asked = asked.filter((one) => !isLost(one));
    },
    refused,
    resume() {
      flowing = true;
      underWay = Promise.all([...places.keys()].map(play));
    },
    async pause() {
      flowing = false;
      await underWay;
    },
  };
}
