import { dockerMoment } from '../daemon-time.ts';
import { RuntimeError } from '../errors.ts';
import { pause } from '../pause.ts';
import type { DockerConnection } from './connection.ts';
import { CALL_DEADLINE_MS } from './deadlines.ts';
import { dialLogs, type LogQuery } from './dial-logs.ts';
import { inspectContainer } from './inspect-container.ts';
import { makeEntryReader } from './log-entries.ts';
import { makeLineAssembler } from './log-lines.ts';
import { makeLogPlace } from './log-place.ts';
import { mapTrouble } from './look.ts';
import { hasStatus, mapRefusal } from './map-error.ts';
import { type Chunks, readWhileHeard } from './read-while-heard.ts';

/** What is wanted of a container's log. */
export interface LogRequest {
  /** So many of its last lines, to begin with. */
  readonly tail: number;
  /** Whether to wait for new ones, until the container ends. */
  readonly follow: boolean;
}

type LoggedContainer = { readonly id: string; readonly tty: boolean };

/** How long a followed log is left alone, milliseconds. */
interface Patience {
  /** While it says nothing. */
  readonly silenceMs: number;
  /** Between two readings, where Docker ends it although its container runs. */
  readonly reopenMs: number;
}

const PATIENCE: Patience = { silenceMs: 5_000, reopenMs: 1_000 };
const LOSS = '[… lines are missing here: they were rotated away before they were read]';
const VERB = 'read logs';
const FOLLOW = { follow: true } as const;

/**
 * Opens a container's log. Resolves when Docker has begun to answer, with the text of its lines as they come, each piece
 * whole lines. Nothing is read ahead of who reads it: Docker is held up by a slow one.
 *
 * A followed log of Docker may fall silent for ever when its files rotate faster than they are read (seen with 20.10), so
 * silence is not believed: when there is a newer entry than the last one that came, the log is opened again from there.
 *
 * @param signal ends it, and closes the connection
 * @throws RuntimeError `not_found` where the container is gone, or has no log that can be read; `docker_unavailable`,
 *   also from the iteration
 */
export async function openLog(
  connection: DockerConnection,
  container: LoggedContainer,
  { tail, follow }: LogRequest,
  signal: AbortSignal,
  { silenceMs, reopenMs } = PATIENCE,
): Promise<AsyncIterableIterator<string>> {
  let lines: string[] = [];
  const assembler = makeLineAssembler((source, text) =>
    lines.push(source === 'daemon' ? `[… Docker could not read on: ${text}]` : text),
  );
  const place = makeLogPlace(() => {
    assembler.end();
    lines.push(LOSS);
  });

  /** Aborts the reading that goes on. */
  let reading = new AbortController();

  function dial(query: LogQuery): Promise<Chunks> {
    reading.abort();
    reading = new AbortController();
    const until = AbortSignal.any([signal, reading.signal]);
    return ask(until, (docker, abortSignal) =>
      dialLogs(docker, container.id, { ...query, timestamps: true }, abortSignal),
    );
  }

  const ask = <T>(until: AbortSignal, run: Parameters<typeof connection.call<T>>[3]): Promise<T> =>
    connection.call(VERB, CALL_DEADLINE_MS.look, until, run).catch((error: unknown) => {
      throw mapLogError(error);
    });

  /** The time of the log's last entry; undefined when it has none. */
  const findLastNanos = (): Promise<bigint | undefined> =>
    ask(signal, async (docker, abortSignal) => {
      let last: bigint | undefined;
      const note = (atNanos: bigint | undefined): boolean => {
        last = atNanos ?? last;
        return false;
      };
      const entries = makeEntryReader(container, { begin: note, text: () => undefined });
      const log = await dialLogs(docker, container.id, { tail: 1, timestamps: true }, abortSignal);
      for await (const chunk of log) entries.push(chunk);
      entries.end();
      return last;
    });

  async function look(): Promise<{ readonly isRunning: boolean; readonly isBehind: boolean }> {
    const [found, last] = await Promise.all([
      inspectContainer(connection, container.id, signal),
      findLastNanos().catch((error: unknown) => {
        // One that is being removed has no log any more.
        if (error instanceof RuntimeError && error.code === 'not_found') return undefined;
        throw error;
      }),
    ]);
    const isBehind = last !== undefined && (place.lastNanos === undefined || last > place.lastNanos);
    return { isRunning: found?.running ?? false, isBehind };
  }

  /** The log from where it was read to. */
  function dialOn(isRunning: boolean): Promise<Chunks> {
    place.resume();
    const since = place.lastNanos === undefined ? {} : { since: dockerMoment(place.lastNanos) };
    return dial({ tail: 'all', ...since, ...(isRunning && FOLLOW) });
  }

  function takeLines(): string {
    const text = lines.map((line) => `${line}\n`).join('');
    lines = [];
    return text;
  }

  async function* readOnce(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
    const entries = makeEntryReader(container, { begin: place.enter, text: assembler.push });
    for await (const chunk of chunks) {
      entries.push(chunk);
      if (lines.length > 0) yield takeLines();
    }
    entries.end();
  }

  async function* readOn(first: Chunks): AsyncGenerator<string> {
    let chunks = first;
    for (let isRunning = true; ; ) {
      yield* readOnce(readWhileHeard(chunks, silenceMs, async () => isStuck(await look())));
      const found = await look();
      // What is read after the end is read once: a log that Docker fails to read would keep this going.
      if (!found.isRunning && (!found.isBehind || !isRunning)) return;
      if (found.isRunning) await pause(reopenMs, signal);
      signal.throwIfAborted();
      isRunning = found.isRunning;
      chunks = await dialOn(isRunning);
    }
  }

  async function* read(first: Chunks): AsyncGenerator<string> {
    try {
      yield* follow ? readOn(first) : readOnce(first);
      assembler.end();
      if (lines.length > 0) yield takeLines();
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof RuntimeError) throw error;
      throw new RuntimeError('docker_unavailable', "Docker's log broke off", { cause: error });
    } finally {
      reading.abort();
    }
  }

  if (!follow || tail > 0) return read(await dial({ tail, ...(follow && FOLLOW) }));
  // From the last entry on, so that there is a time from which it can be read again.
  const last = await findLastNanos();
  if (last !== undefined) place.enter(last);
  return read(await dialOn(true));
}

const isStuck = ({ isRunning, isBehind }: { isRunning: boolean; isBehind: boolean }): boolean =>
  isBehind || !isRunning;

/** Docker knows no such container, is removing it, or has a log driver that can not be read. */
function mapLogError(error: unknown): unknown {
  if (hasStatus(error, 404, 409, 501)) {
    return new RuntimeError('not_found', `There is no log: ${(error as Error).message}`, { cause: error });
  }
  return mapRefusal(mapTrouble(VERB, error), 'read the log');
}
