import type { IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { Failure } from './failure.ts';
import { interruption, type Sent, send, unreachable } from './http.ts';
import type { Settings } from './settings.ts';

export interface Answer<T> {
  readonly body: T;
  /** Of a mutation: the operation that it became. */
  readonly operationId: string | undefined;
}

/** RTM, as one operator speaks to it. Everything rejects with a `Failure`. */
export interface Client {
  /**
   * Asks, and again for `patienceMs`, unless the operator wants it otherwise, while RTM can not be reached or a store of
   * it is away: what is sent must be one thing however often it arrives.
   */
  ask<T>(sent: Sent, patienceMs?: number): Promise<Answer<T>>;
  /** Every item of a list, a page at a time. */
  items<T>(path: string, query: Readonly<Record<string, string>>): Promise<readonly T[]>;
  /** The body of an answer as it comes. */
  open(path: string, headers?: Readonly<Record<string, string>>): Promise<AsyncIterable<Uint8Array>>;
}

/** Somebody waits at the terminal; an RTM that is restarted is back by then. */
const PATIENCE_MS = 3_000;
const PAUSE_MS = 250;

interface Page<T> {
  readonly items: readonly T[];
  readonly next_cursor: string | null;
}

interface ClientOptions {
  /** Ends whatever is under way, with the failure `interrupted`. */
  readonly signal: AbortSignal;
  /** What the operator wants, milliseconds. */
  readonly patienceMs: number | undefined;
}

export function makeClient(settings: Settings, { signal, patienceMs: wanted }: ClientOptions): Client {
  const { url } = settings;

  async function once<T>(sent: Sent): Promise<Answer<T>> {
    const response = await send(settings, sent, signal);
    const { body } = await readAnswer(response);
    return { body: body as T, operationId: operationIdOf(response) };
  }

  async function readAnswer(response: IncomingMessage): Promise<{ readonly body: unknown }> {
    let written: string;
    try {
      written = await text(response);
    } catch (cause) {
      throw unreachable(url, cause, signal);
    }
    const { statusCode: status = 0 } = response;
    const body = parse(written);
    const error = errorIn(body);
    if (status >= 400 && error) throw new Failure({ ...error, operationId: operationIdOf(response) });
    if (status >= 300 || body === undefined) {
      const message = `what answers at ${url} is no Runtime Manager: status ${status}, ${JSON.stringify(written.slice(0, 80))}`;
      throw new Failure({ code: 'unreachable', message });
    }
    return { body };
  }

  const client: Client = {
    async ask<T>(sent: Sent, patienceMs = PATIENCE_MS) {
      const startedMs = performance.now();
      for (;;) {
        try {
          return await once<T>(sent);
        } catch (error) {
          const isPatient = error instanceof Failure && error.mayPass && error.operationId === undefined;
          if (!isPatient || performance.now() - startedMs >= (wanted ?? patienceMs)) throw error;
          await pause(PAUSE_MS, signal);
        }
      }
    },
    async items<T>(path: string, query: Readonly<Record<string, string>>) {
      const items: T[] = [];
      for (let page = query; ; ) {
        const { body } = await client.ask<Page<T>>({ path: `${path}?${new URLSearchParams(page)}` });
        for (const item of body.items) items.push(item);
        if (body.next_cursor === null) return items;
        page = { ...query, cursor: body.next_cursor };
      }
    },
    async open(path, headers = {}) {
      const response = await send(settings, { path, headers }, signal);
      if (response.statusCode !== 200) await readAnswer(response);
      return readOn(response);
    },
  };

  async function* readOn(response: IncomingMessage): AsyncIterable<Uint8Array> {
    try {
      yield* response;
    } catch (cause) {
      throw unreachable(url, cause, signal);
    }
  }
  return client;
}

/** Rejects with the failure `interrupted` when the signal aborts. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(ms, undefined, { signal });
  } catch (cause) {
    throw interruption(cause);
  }
}

function operationIdOf({ headers }: IncomingMessage): string | undefined {
  const id = headers['operation-id'];
  return Array.isArray(id) ? id[0] : id;
}

function parse(written: string): unknown {
  try {
    return JSON.parse(written);
  } catch {
    return undefined;
  }
}

function errorIn(body: unknown): { readonly code: string; readonly message: string } | undefined {
  const { error } = (body ?? {}) as { error?: { code?: unknown; message?: unknown } };
  if (typeof error?.code !== 'string') return undefined;
  return { code: error.code, message: String(error.message) };
}
