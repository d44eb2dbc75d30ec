import { messageOf, toShownText } from '../lib/shown-text.ts';

/**
 * One dependency of RTM. Rejects when RTM cannot work with it; resolves with sentences about a configuration that an
 * operator should change and that RTM works with, or with none.
 */
export type ReadinessCheck = (signal: AbortSignal) => Promise<readonly string[]>;

export type ReadinessChecks = Readonly<
  Record<'postgres' | 'redis' | 'docker' | 'network' | 'state_root', ReadinessCheck>
>;

interface CheckAnswer {
  readonly status: 'ok' | 'failed';
  readonly message?: string;
  readonly warnings?: readonly string[];
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
  const asked = Object.entries(checks).map(async ([name, check]) => [name, await askOne(check)] as const);
  const answers = await Promise.all(asked);
  const ready = answers.every(([, { status }]) => status === 'ok');
  return {
    status: ready ? 'ready' : 'not_ready',
    checks: Object.fromEntries(answers) as Readiness['checks'],
  };
}

/** How long an answer serves everybody who asks, milliseconds. */
const KEEP_MS = 1_000;

/**
 * Shares one check: at most one is under way, and its answer serves for a second. So a flood of requests costs the
 * dependencies one check a second.
 */
export function shareReadiness(checks: ReadinessChecks, keepMs = KEEP_MS): () => Promise<Readiness> {
  let shared: Promise<Readiness> | undefined;
  return () => {
    shared ??= askReadiness(checks).finally(() => {
      setTimeout(() => {
        shared = undefined;
      }, keepMs).unref();
    });
    return shared;
  };
}

/** What everybody may read: each check by name, and nothing of what a failure says. */
export function withoutDetails({ status, checks }: Readiness): unknown {
  const shown = Object.entries(checks).map(([name, check]) => [
    name,
    { status: check.status, duration_ms: check.duration_ms },
  ]);
  return { status, checks: Object.fromEntries(shown) };
}

/** Asks one of them, and never rejects. */
export async function askOne(check: ReadinessCheck, timeoutMs = CHECK_TIMEOUT_MS): Promise<CheckAnswer> {
  const startedMs = performance.now();
  const duration = () => Math.round((performance.now() - startedMs) * 10) / 10;
  const signal = AbortSignal.timeout(timeoutMs);
  const { promise: late, reject } = Promise.withResolvers<never>();
  signal.addEventListener('abort', () => reject(new Error(`no answer within ${timeoutMs} ms`)), {
    once: true,
  });
  try {
    const warnings = await Promise.race([check(signal), late]);
    return {
      status: 'ok',
      ...(warnings.length > 0 ? { warnings: warnings.map((warning) => toShownText(warning)) } : {}),
      duration_ms: duration(),
    };
  } catch (error) {
    return { status: 'failed', message: toShownText(describe(error)), duration_ms: duration() };
  }
}

/** A host name with several addresses fails with one error of no words around those that have some. */
function describe(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return error.errors.map(describe).join('; ');
  return messageOf(error);
}
