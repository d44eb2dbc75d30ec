import type { Request } from 'express';
import type { Logger } from '../lib/logger.ts';
import { API_PATHS } from '../lib/telemetry/label-sets.ts';
import type { Metrics } from '../lib/telemetry/metrics.ts';

/** Counts and logs requests that were refused for their token. */
export type NoteRefused = (request: Request, reason: 'missing' | 'wrong') => void;

const WINDOW_MS = 60_000;
/** Addresses with a log line of their own in one window; an attacker with many addresses cannot flood the log. */
const MAX_ADDRESSES = 100;

interface RefusedOptions {
  readonly log: Logger;
  readonly metrics: Pick<Metrics, 'count'>;
  readonly nowMs?: () => number;
}

/**
 * Counts every refusal, and logs wrong tokens once a minute and address. A missing token is only counted, because every
 * browser begins without one.
 */
export function makeNoteRefused({
  log,
  metrics,
  nowMs = () => performance.now(),
}: RefusedOptions): NoteRefused {
  const logged = new Set<string>();
  let windowEndsMs = 0;
  let unlogged = 0;
  return (request, reason) => {
    const path = templateOf(request.originalUrl);
    metrics.count('unauthorized', { path, reason });
    if (reason === 'missing') return;
    if (nowMs() >= windowEndsMs) {
      logged.clear();
      windowEndsMs = nowMs() + WINDOW_MS;
    }
    const address = request.socket.remoteAddress ?? '';
    if (logged.has(address) || logged.size >= MAX_ADDRESSES) {
      unlogged += 1;
      return;
    }
    logged.add(address);
    log.warn('a caller sent a wrong token', { address, path, refused_since_last_line: unlogged });
    unlogged = 0;
  };
}

const PATTERNS = API_PATHS.map(
  (path) => [path, new RegExp(`^${path.replaceAll(/\{\w+\}/g, '[^/]+')}$`)] as const,
);

/** The template of a path, which is one of few, for it becomes a label. */
function templateOf(url: string): string {
  const [path = ''] = url.split('?', 1);
  if (path === '/admin' || path.startsWith('/admin/')) return '/admin';
  return PATTERNS.find(([, pattern]) => pattern.test(path))?.[0] ?? 'other';
}
