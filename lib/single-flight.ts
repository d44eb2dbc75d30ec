/** Lets concurrent callers of one key share one piece of work. */
export interface SingleFlight<K, V> {
  /**
   * Joins the work under way for `key`, or begins it.
   *
   * @param work gets a signal that aborts when no caller is left; that of the first caller is the one that runs
   * @param signal detaches this caller only
   * @returns what the shared work returns; its failure goes to every caller
   * @throws the caller's own signal's reason when that aborts first
   */
  run(key: K, work: (signal: AbortSignal) => Promise<V>, signal?: AbortSignal): Promise<V>;
  /** Keys with work under way that somebody waits for. */
  readonly size: number;
}

interface Flight<V> {
  readonly result: Promise<V>;
  readonly controller: AbortController;
  callers: number;
}

/** @returns a new set of flights; keys are compared as in a `Map` */
export function makeSingleFlight<K, V>(): SingleFlight<K, V> {
  const flights = new Map<K, Flight<V>>();

  const begin = (key: K, work: (signal: AbortSignal) => Promise<V>): Flight<V> => {
    const controller = new AbortController();
    const result = (async () => work(controller.signal))();
    const flight: Flight<V> = { result, controller, callers: 0 };
    flights.set(key, flight);
    const land = (): void => {
      if (flights.get(key) === flight) flights.delete(key);
    };
    // Both outcomes handled: after everybody has left, a failure has nobody to go to and must not end the process.
    result.then(land, land);
    return flight;
  };

  return {
    async run(key, work, signal) {
      signal?.throwIfAborted();
      const flight = flights.get(key) ?? begin(key, work);
      flight.callers += 1;
      try {
        return await untilAborted(flight.result, signal);
      } finally {
        flight.callers -= 1;
        if (flight.callers === 0 && flights.get(key) === flight) {
          // Taken out at once: whoever comes now must not join work that is being aborted.
          flights.delete(key);
          flight.controller.abort(new DOMException('nobody waits for the result any more', 'AbortError'));
        }
      }
    },
    get size() {
      return flights.size;
    },
  };
}

async function untilAborted<V>(result: Promise<V>, signal: AbortSignal | undefined): Promise<V> {
  if (signal === undefined) return result;
  return new Promise<V>((resolve, reject) => {
    const giveUp = (): void => reject(signal.reason);
    signal.addEventListener('abort', giveUp, { once: true });
    result.then(resolve, reject).finally(() => signal.removeEventListener('abort', giveUp));
  });
}
