import { type IncomingMessage, request as plainRequest } from 'node:http';
import { request as tlsRequest } from 'node:https';
import { Failure } from './failure.ts';
import type { Settings } from './settings.ts';

/** A request below the base path of the API. */
export interface Sent {
  readonly method?: 'GET' | 'POST' | 'DELETE';
  readonly path: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

const BASE = '/api/v1/internal';
/** No answer of RTM takes longer to begin: what may take long is followed by its operation. */
const HEAD_MS = 60_000;

/** Sends one request and returns the answer, whatever its status, with its body still to be read. */
export async function send(
  { url, token, tls }: Settings,
  { method = 'GET', path, body, headers = {} }: Sent,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const text = body === undefined ? undefined : JSON.stringify(body);
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const start = url.startsWith('https:') ? tlsRequest : plainRequest;
  const request = start(`${url}${BASE}${path}`, {
    method,
    signal,
    timeout: HEAD_MS,
    headers: {
      'X-Galaxy-Caller': 'admin',
      ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
      ...(text === undefined
        ? {}
        : { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) }),
      ...headers,
    },
    ...tls,
  });
  request.once('response', (response) => {
    // A log that is followed may be silent for as long as its engine is.
    request.setTimeout(0);
    resolve(response);
  });
  request.once('timeout', () => request.destroy(new Error(`no answer within ${HEAD_MS / 1_000} s`)));
  request.on('error', reject);
  request.end(text);
  try {
    return await promise;
  } catch (cause) {
    throw unreachable(url, cause, signal);
  }
}

/** How a connection failed that gave no answer, or not all of it. */
export function unreachable(url: string, cause: unknown, signal: AbortSignal): Failure {
  if (signal.aborted) return interruption(cause);
  return new Failure({ code: 'unreachable', message: `${url} does not answer: ${wordsOf(cause)}`, cause });
}

/** The operator wants no more of it, which needs no words unless something goes on. */
export const interruption = (cause: unknown): Failure =>
  new Failure({ code: 'interrupted', message: '', cause });

/** A name with several addresses fails with one error of no words around those that have some. */
function wordsOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(wordsOf).join('; ');
  return error instanceof Error ? error.message || error.name : String(error);
}
