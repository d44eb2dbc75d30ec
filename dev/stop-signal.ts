const STOP_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

let controller: AbortController | undefined;

/** Thrown by whatever was under way when this process was asked to stop. */
export class Stopped extends Error {
  override readonly name = 'Stopped';
}

/** Aborts at the first signal that asks this process to stop; a second one ends it the usual way. */
export function stopSignal(): AbortSignal {
  if (controller) return controller.signal;
  const stop = new AbortController();
  controller = stop;
  const listener = (signal: NodeJS.Signals): void => {
    for (const each of STOP_SIGNALS) process.removeListener(each, listener);
    stop.abort(new Stopped(signal));
  };
  for (const each of STOP_SIGNALS) process.on(each, listener);
  return stop.signal;
}

/** Waits for work, or throws as soon as this process is asked to stop. */
export async function untilStopped<T>(work: Promise<T>): Promise<T> {
  const signal = stopSignal();
  signal.throwIfAborted();
  const { promise, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
