import type { Redis } from 'ioredis';

/** An entry of a Redis stream. */
export interface StreamEntry {
  readonly id: string;
  readonly fields: Readonly<Record<string, string>>;
}

const BLOCK_MS = 250;

/** The name of a stream, as RTM takes it from its environment. */
export function streamName(variable: string, usual: string): string {
  return process.env[`RTMANAGER_REDIS_${variable}_STREAM`] || usual;
}

/** Waits for the first entry of a stream that fits; the connection is busy meanwhile. */
export async function waitForEntry(
  client: Redis,
  stream: string,
  fits: (fields: StreamEntry['fields']) => boolean,
  timeoutMs: number,
): Promise<StreamEntry> {
  const deadline = performance.now() + timeoutMs;
  let after = '0';
  while (performance.now() < deadline) {
    const answer = await client.xread('COUNT', 100, 'BLOCK', BLOCK_MS, 'STREAMS', stream, after);
    for (const [id, flat] of answer?.[0]?.[1] ?? []) {
      after = id;
      const fields = toFields(flat);
      if (fits(fields)) return { id, fields };
    }
  }
  throw new Error(`no such entry in ${stream} within ${timeoutMs / 1000} s`);
}

function toFields(flat: readonly string[]): Record<string, string> {
  const fields: Record<string, string> = {};
  for (let at = 0; at < flat.length; at += 2) fields[flat[at] ?? ''] = flat[at + 1] ?? '';
  return fields;
}
