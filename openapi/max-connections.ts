import { readFileSync } from 'node:fs';

/** More connections than callers need; each costs about 14 kB. */
const MAX_CONNECTION_COUNT = 4_096;

/**
 * Returns how many connections the listener takes: half of the file descriptors that this process may have. The other
 * half is for PostgreSQL, Redis, Docker, probes and files, so that callers cannot make operations fail.
 */
export function maxConnections(limits = readLimits()): number {
  const soft = Number(/^Max open files\s+(\d+)/m.exec(limits)?.[1] ?? Number.POSITIVE_INFINITY);
  return Math.min(MAX_CONNECTION_COUNT, Math.floor(soft / 2));
}

/** The limits as Linux prints them; empty where there is no such file. */
function readLimits(): string {
  try {
    return readFileSync('/proc/self/limits', 'utf8');
  } catch {
    return '';
  }
}
