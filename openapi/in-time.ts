import { RuntimeError } from '../lib/errors.ts';
import { mayPass } from '../sql/map-error.ts';

/** Each takes milliseconds; only a server that has fallen silent takes longer. */
const LIMIT_MS = 10_000;

/**
 * The outcome of what PostgreSQL was asked, or `service_unavailable`. A network that drops packets gives no error: without a limit here
 * clients would wait, and their requests pile up, until the kernel gives the connection up a quarter of an hour later.
 */
export async function inTime<T>(asked: Promise<T>): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => reject(new RuntimeError('service_unavailable', 'PostgreSQL does not answer; try again')),
    LIMIT_MS,
  );
  try {
    return await Promise.race([asked, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Whether PostgreSQL was away or silent, and the same question may be answered later. */
export const isStoreAway = (error: unknown): boolean =>
  mayPass(error) || (error instanceof RuntimeError && error.code === 'service_unavailable');
