import { eventually } from './eventually.ts';
import type { TestRedis } from './redis.ts';

/** One stream entry as its readers see it. */
export interface Entry {
  readonly id: string;
  readonly fields: Readonly<Record<string, string>>;
}

/** Plays Game Lobby: writes requests and reads what comes back. */
export interface Lobby {
  /** Writes a start job and returns its entry id. */
  start(gameId: string, imageRef: string): Promise<string>;
  stop(gameId: string, reason?: string): Promise<string>;
  /** Writes an entry of any shape. */
  write(stream: string, fields: Readonly<Record<string, string | Buffer>>): Promise<string>;
  entries(stream: string): Promise<Entry[]>;
  /** Waits for the one answer to a request. */
  answerTo(entryId: string, timeoutMs?: number): Promise<Entry>;
}

export const STREAMS = {
  startJobs: 'runtime:start_jobs',
  stopJobs: 'runtime:stop_jobs',
  jobResults: 'runtime:job_results',
  healthEvents: 'runtime:health_events',
  deadLetters: 'runtime:dead_letters',
  intents: 'notification:intents',
} as const;

export function makeLobby({ client }: Pick<TestRedis, 'client'>): Lobby {
  const write: Lobby['write'] = async (stream, fields) =>
    String(await client.xadd(stream, '*', ...Object.entries(fields).flat()));
  const entries: Lobby['entries'] = async (stream) =>
    (await client.xrange(stream, '-', '+')).map(([id, flat]) => ({ id, fields: toFields(flat) }));
  const now = () => String(Date.now());
  return {
    write,
    entries,
    start: (gameId, imageRef) =>
      write(STREAMS.startJobs, { game_id: gameId, image_ref: imageRef, requested_at_ms: now() }),
    stop: (gameId, reason = 'finished') =>
      write(STREAMS.stopJobs, { game_id: gameId, reason, requested_at_ms: now() }),
    answerTo: (entryId, timeoutMs = 20_000) =>
      eventually(
        async () =>
          (await entries(STREAMS.jobResults)).find((entry) => entry.fields.request_entry_id === entryId),
        { what: `the answer to ${entryId}`, timeoutMs },
      ),
  };
}

function toFields(flat: readonly string[]): Record<string, string> {
  const fields: Record<string, string> = {};
  for (let index = 0; index + 1 < flat.length; index += 2) fields[flat[index] ?? ''] = flat[index + 1] ?? '';
  return fields;
}
