import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { hostname } from 'node:os';

/** The label that marks whatever a development or test run puts into Docker. */
export const SESSION_LABEL = 'com.galaxy.dev.session';

/** This run: host, boot, process and its start, so that a later run can tell whether it is still alive. */
export const SESSION = [hostname(), bootId(), process.pid, processStart(process.pid)].join('|');

/** A short id for names that must not collide between runs. */
export function shortId(): string {
  return randomBytes(4).toString('hex');
}

/**
 * Whether the run that set this label has ended. A label of another host is never ours to judge: two
 * machines may share one Docker Engine.
 */
export function isDeadSession(label: string): boolean {
  const [host, boot, pid, start] = label.split('|');
  if (host !== hostname() || !pid) return false;
  if (boot !== bootId()) return true;
  return processStart(Number(pid)) !== start;
}

function bootId(): string {
  return readOr('/proc/sys/kernel/random/boot_id', '').trim().slice(0, 8);
}

/** The start of a living process in clock ticks (process ids are used again), or a word when there is none. */
function processStart(pid: number): string {
  const stat = readOr(`/proc/${pid}/stat`, '');
  // The command in parentheses may hold spaces; the start is the 20th field behind it.
  if (stat) return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? 'unknown';
  return !existsSync('/proc/self') && isAlive(pid) ? 'alive' : 'gone';
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

function readOr(file: string, fallback: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return fallback;
  }
}
