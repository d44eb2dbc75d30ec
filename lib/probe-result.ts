import { formatDurationMs } from './duration.ts';
import { type ShownText, toShownText } from './shown-text.ts';

/** What one probe of an engine came to. */
export type ProbeResult =
  | ProbeAnswer
  /** It could not be asked, and that is no fault of its own: nothing follows from it but a line in the log. */
  | { readonly kind: 'none'; readonly reason: string };

/** A result that says something about the engine. */
export type ProbeAnswer = { readonly kind: 'healthy' } | ProbeFailure;

export interface ProbeFailure {
  readonly kind: 'failed';
  /** HTTP status; null when no answer came at all. */
  readonly status: number | null;
  /** What went wrong, in words; empty when the status says it all. */
  readonly error: ShownText;
}

export const HEALTHY: ProbeAnswer = { kind: 'healthy' };
export const noResult = (reason: string): ProbeResult => ({ kind: 'none', reason });

export const failed = (status: number | null, error: string): ProbeFailure => ({
  kind: 'failed',
  status,
  error: toShownText(error),
});

/** Judges a complete answer: healthy is status 200 with a JSON object whose `status` is `ok` (spec, section 3). */
export function judgeAnswer(status: number, body: string): ProbeAnswer {
  if (status !== 200) return failed(status, '');
  let json: unknown;
  try {
    json = JSON.parse(body);
  } catch {
    return failed(status, 'the answer is not JSON');
  }
  const isOk = typeof json === 'object' && json !== null && 'status' in json && json.status === 'ok';
  return isOk ? HEALTHY : failed(status, 'the answer is not {"status":"ok"}');
}

/**
 * Judges that no complete answer came in time. Timers that go off late tell of a process that was held up: of the
 * answer they say nothing, which may well lie there unread.
 *
 * @param lateMs how much later than planned the timer went off
 */
export function judgeTimeOut(status: number | null, timeoutMs: number, lateMs: number): ProbeResult {
  if (lateMs > Math.max(LEAST_HOLD_UP_MS, timeoutMs / 4)) return noResult('this process was held up');
  const what = status === null ? 'no answer' : 'no complete answer';
  return failed(status, `${what} within ${formatDurationMs(timeoutMs)}`);
}

/** Timers of a busy process that is well are less late than this. */
const LEAST_HOLD_UP_MS = 100;

/** What the prober's own host refuses, by error code: no descriptors, memory, ports, routes or names to be had. */
const OWN_TROUBLE = new Set([
  'EMFILE',
  'ENFILE',
  'ENOBUFS',
  'ENOMEM',
  'EADDRINUSE',
  'EADDRNOTAVAIL',
  'EAFNOSUPPORT',
  'EACCES',
  'EPERM',
  'ENETDOWN',
  'ENETUNREACH',
  'EAI_AGAIN',
  'EAI_FAIL',
  'EAI_MEMORY',
  'EAI_SYSTEM',
]);

const IN_WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  EHOSTUNREACH: 'nobody is at its address',
  ETIMEDOUT: 'no connection in time',
  HPE_HEADER_OVERFLOW: 'the head of its answer is too long',
};

/** Judges an exchange that broke off: by the code of the error, never by its text. */
export function judgeError(status: number | null, error: Error): ProbeResult {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  if (OWN_TROUBLE.has(code)) return noResult(error.message);
  if (code.startsWith('HPE_') && !(code in IN_WORDS)) return failed(status, 'the answer is not HTTP');
  if (['ECONNRESET', 'EPIPE'].includes(code)) return brokenOff(status);
  return failed(status, IN_WORDS[code] ?? error.message);
}

/** The engine, or its container's end, closed the connection too early. */
export const brokenOff = (status: number | null): ProbeFailure =>
  failed(status, `the connection was closed ${status === null ? 'without an answer' : 'inside the answer'}`);
