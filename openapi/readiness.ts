import { redactText } from '../lib/redact-text.ts';

/** One thing that RTM can not work without. `check` rejects when it is not there. */
export type ReadinessChecks = Readonly<
  Record<'postgres' | 'redis' | 'docker' | 'network', (signal: AbortSignal) => Promise<void>>
>;

interface CheckAnswer {
  readonly status: 'ok' | 'failed';
  readonly message?: string;
  readonly duration_ms: number;
}

export interface Readiness {
  readonly status: 'ready' | 'not_ready';
  readonly checks: Readonly<Record<keyof ReadinessChecks, CheckAnswer>>;
}

/** A dependency that does not answer within this is not there. */
const CHECK_TIMEOUT_MS = 3_000;

/** Asks all at once and tells of each. */
export async function askReadiness(checks: ReadinessChecks): Promise<Readiness> {
  const [postgres, redis, docker, network] = await Promise.all([
    askOne(checks.postgres),
    askOne(checks.redis),
    askOne(checks.docker),
    askOne(checks.network),
  ]);
  const answers = { postgres, redis, docker, network };
  const ready = Object.values(answers).every((answer) => answer.status === 'ok');
  return { status: ready ? 'ready' : 'not_ready', checks: answers };
}

/** Asks one of them, and never rejects. */
export async function askOne(
  check: (signal: AbortSignal) => Promise<void>,
  timeoutMs = CHECK_TIMEOUT_MS,
): Promise<CheckAnswer> {
  const startedMs = performance.now();
  const duration = () => Math.round((performance.now() - startedMs) * 10) / 10;
  const signal = AbortSignal.timeout(timeoutMs);
  const { promise: late, reject } = Promise.withResolvers<never>();
  signal.addEventListener('abort', () => reject(new Error(`no answer within ${timeoutMs} ms`)), {
    once: true,
  });
  try {
    await Promise.race([check(signal), late]);
    return { status: 'ok', duration_ms: duration() };
  } catch (error) {
    return { status: 'failed', message: redactText(describe(error)), duration_ms: duration() };
  }
}

/** A host name with several addresses fails with one error of no words around those that have some. */
function describe(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return error.errors.map(describe).join('; ');
  return error instanceof Error ? error.message || error.name : String(error);
}
