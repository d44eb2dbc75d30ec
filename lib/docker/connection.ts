import { readFileSync } from 'node:fs';
import type Docker from 'dockerode';
import { RuntimeError } from '../errors.ts';
import { isSurrender } from '../lease.ts';
import { makeClient } from './client.ts';
import { CALL_DEADLINE_MS } from './deadlines.ts';
import { isAnswered, mapDockerError } from './map-error.ts';

/** The oldest Engine API that RTM speaks (Docker 20.10), and the newest one that it was written against. */
const OLDEST_API = [1, 41] as const;
const NEWEST_API = [1, 51] as const;

export interface DockerAddress {
  /** `unix://…` or `tcp://…`. */
  host: string;
  /** Files, for tcp:// with TLS. */
  tls?: { ca?: string | undefined; cert?: string | undefined; key?: string | undefined } | undefined;
}

/** One call to Docker: aborted by the caller's signal or by the call's own deadline. */
type Call<T> = (docker: Docker, abortSignal: AbortSignal) => Promise<T>;

export interface DockerConnection {
  /**
   * Runs one call, until the deadline at most. Rejects with DockerStatusError, with `docker_unavailable`, or with the
   * reason of `signal`. Of an answer that has no end of its own the deadline bounds the beginning (docker-modem hands
   * out the stream when the head of the answer has come), and `signal` ends it.
   */
  call<T>(verb: string, deadlineMs: number, signal: AbortSignal, run: Call<T>): Promise<T>;
}

/** A client that speaks the version agreed on. */
interface Negotiated {
  readonly docker: Docker;
  readonly version: string;
}

/** Connects lazily: the API version is negotiated by the first call, and again after a failed one. */
export function makeDockerConnection(address: DockerAddress): DockerConnection {
  const options = dialOptions(address);
  let negotiated: Promise<Negotiated> | undefined;

  const connect = (): Promise<Negotiated> => {
    // Shared by all callers, so it goes by a deadline of its own and by nobody's signal.
    negotiated ??= negotiate(options, AbortSignal.timeout(CALL_DEADLINE_MS.look)).catch((error) => {
      negotiated = undefined;
      throw error;
    });
    return negotiated;
  };

  const send = async <T>(run: Call<T>, abortSignal: AbortSignal): Promise<T> => {
    const before = await connect();
    // Nobody waits any more when finding the version took too long.
    abortSignal.throwIfAborted();
    try {
      return await run(before.docker, abortSignal);
    } catch (error) {
      if (!isAnswered(error) || error.statusCode !== 400) throw error;
      // A daemon that came back unnoticed with another version says so by the same status, and has done nothing.
      negotiated = undefined;
      const now = await connect();
      if (now.version === before.version) throw error;
      abortSignal.throwIfAborted();
      return await run(now.docker, abortSignal);
    }
  };

  const callUntil = async <T>(
    verb: string,
    signal: AbortSignal,
    deadline: AbortSignal,
    run: Call<T>,
  ): Promise<T> => {
    signal.throwIfAborted();
    const abortSignal = AbortSignal.any([signal, deadline]);
    try {
      return await untilAborted(send(run, abortSignal), abortSignal);
    } catch (error) {
      if (error instanceof RuntimeError || isSurrender(error)) throw error;
      const mapped = mapDockerError(verb, error, signal);
      // The daemon may come back as another version.
      if (mapped instanceof RuntimeError) negotiated = undefined;
      throw mapped;
    }
  };

  return {
    async call(verb, deadlineMs, signal, run) {
      // Not AbortSignal.timeout: its timer, and an error for it, would outlive thousands of calls that were answered.
      const late = new AbortController();
      const timer = setTimeout(() => late.abort(), deadlineMs);
      try {
        return await callUntil(verb, signal, late.signal, run);
      } finally {
        clearTimeout(timer);
      }
    },
  };
}

/**
 * The library's promise alone is no limit: behind an answer whose head has come it does not settle when it is aborted.
 */
async function untilAborted<T>(work: Promise<T>, abortSignal: AbortSignal): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const giveUp = (): void => reject(abortSignal.reason);
  abortSignal.addEventListener('abort', giveUp, { once: true });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    abortSignal.removeEventListener('abort', giveUp);
  }
}

/** Calls that dockerode can abort although its published types take no options for them. */
interface AbortableCalls {
  version(options: { abortSignal: AbortSignal }): Promise<{ ApiVersion?: unknown }>;
  ping(options: { abortSignal: AbortSignal }): Promise<unknown>;
  info(options: { abortSignal: AbortSignal }): Promise<unknown>;
}
export const abortable = (docker: Docker): AbortableCalls => docker as unknown as AbortableCalls;

/** Picks the newest version that both sides know; a daemon older than ours is refused with a clear sentence. */
async function negotiate(options: Docker.DockerOptions, abortSignal: AbortSignal): Promise<Negotiated> {
  const { ApiVersion: told } = await abortable(makeClient(options)).version({ abortSignal });
  if (typeof told !== 'string' || !/^\d+\.\d+$/.test(told)) {
    throw new RuntimeError('docker_unavailable', 'What answers at the Docker address tells no API version');
  }
  const offered = told.split('.').map(Number);
  if (compare(offered, OLDEST_API) < 0) {
    throw new RuntimeError(
      'docker_unavailable',
      `The Docker daemon speaks API ${told}; Runtime Manager needs ${OLDEST_API.join('.')} or newer`,
    );
  }
  const version = `v${(compare(offered, NEWEST_API) < 0 ? offered : NEWEST_API).join('.')}`;
  return { docker: makeClient({ ...options, version }), version };
}

function compare(left: readonly number[], right: readonly number[]): number {
  return (left[0] ?? 0) - (right[0] ?? 0) || (left[1] ?? 0) - (right[1] ?? 0);
}

function dialOptions({ host, tls }: DockerAddress): Docker.DockerOptions {
  if (host.startsWith('unix://')) return { socketPath: host.slice('unix://'.length) };
  const { hostname, port } = new URL(host);
  const base = { host: hostname, port: Number(port || (tls ? 2376 : 2375)) };
  if (!tls) return { ...base, protocol: 'http' };
  const read = (file: string | undefined) => (file ? readFileSync(file, 'utf8') : undefined);
  const files = { ca: read(tls.ca), cert: read(tls.cert), key: read(tls.key) };
  const given = Object.fromEntries(Object.entries(files).filter(([, text]) => text !== undefined));
  return { ...base, protocol: 'https', ...given };
}
