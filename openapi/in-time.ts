import { RuntimeError } from '../lib/errors.ts';

/** Reads take milliseconds; only a server that has fallen silent takes longer. */
const READ_LIMIT_MS = 10_000;

/**
 * The outcome of a read, or `service_unavailable`. A network that drops packets gives no error: without a limit here
 * clients would wait, and their requests pile up, until the kernel gives the connection up a quarter of an hour later.
 */
export async function inTime<T>(read: Promise<T>): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => reject(new RuntimeError('service_unavailable', 'PostgreSQL does not answer; try again')),
    READ_LIMIT_MS,
  );
  try {
    return await Promise.race([read, late]);
  } finally {
    clearTimeout(timer);
  }
}
