// The process that asks, apart from the one that measures Docker and Redis; see load.ts.
import autocannon, { type Client, type Result } from 'autocannon';
import type { Load, LoadFigures, LoadOrder } from './load.ts';
import { quantile } from './statistics.ts';

/** Longer than any load that is told when to end. */
const FOR_EVER_S = 600;

/** So few, because autocannon prepares all requests of all connections while the clock runs already. */
const PATHS_OF_A_CONNECTION = 50;

let stop: () => void = () => undefined;

process.on('message', async (order: LoadOrder) => {
  if (order === 'stop') stop();
  else process.send?.(await ask(order));
});

async function ask({ url, token, paths, connections, seconds }: Load): Promise<LoadFigures> {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  let nextConnection = 0;
  const done = Promise.withResolvers<Result>();
  const options = {
    url,
    headers,
    connections,
    duration: seconds ?? FOR_EVER_S,
    setupClient: (client: Client) => {
      const from = Math.floor((nextConnection++ / connections) * paths.length);
      const own = [...paths, ...paths].slice(from, from + Math.min(paths.length, PATHS_OF_A_CONNECTION));
      client.setRequests(own.map((path) => ({ path, headers })));
    },
  };
  const run = autocannon(options, (error, result) => (error ? done.reject(error) : done.resolve(result)));
  stop = () => run.stop();
  const tookMs: number[] = [];
  // autocannon's own histogram rounds to milliseconds.
  run.on('response', (_client, _status, _bytes, responseMs) => tookMs.push(responseMs));
  const result = await done.promise;
  const refused = result.non2xx + result.errors + result.timeouts;
  return {
    perSecond: tookMs.length / result.duration,
    p50Ms: quantile(tookMs, 0.5),
    p99Ms: quantile(tookMs, 0.99),
    answers: tookMs.length,
    refused,
  };
}
