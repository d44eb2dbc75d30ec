/**
 * What those who look on cost a start or a stop: a console that is open in a real Chromium, one that asks the same and
 * draws nothing, and Prometheus that scrapes once a second, beside a replica that looks after 10,000 games. The
 * situations take turns. PostgreSQL and Redis are real, Docker answers at once. Prints figures and asserts nothing.
 */
import { loadavg } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { launchBrowser, loadConsole, openWindow } from '../helpers/console-browser.ts';
import { stopServices } from '../helpers/services.ts';
import { askAsConsole } from './ask-as-console.ts';
import { makeGrownWorld } from './grown-world.ts';
import { startReplica } from './replica.ts';
import { printTable, quantile } from './statistics.ts';

const ROUNDS = Number(process.argv[2] ?? 8);
const GAMES = 10_000;
/** Of each situation in a round; each is started and stopped. */
const OPERATED = 10;
const SCRAPE_MS = 1_000;

await using stack = new AsyncDisposableStack();
stack.defer(stopServices);
console.log(`load average before: ${loadavg()[0]?.toFixed(2)}`);
const world = stack.use(await makeGrownWorld(GAMES));
const replica = stack.use(await startReplica(world.variables));
const browser = stack.adopt(await launchBrowser(), (one) => one.close());

/** Begins to look on; what it returns ends that. */
type Look = () => Promise<() => Promise<unknown>>;

async function beside(look: Look): Promise<readonly number[]> {
  const leave = await look();
  const { latenciesMs } = await world.requests.oneByOne(OPERATED);
  await leave();
  return latenciesMs;
}

async function openConsole(): Promise<() => Promise<unknown>> {
  const window = await openWindow(browser, replica.url);
  await loadConsole(window.page, replica.url);
  await window.page.getByText('live', { exact: true }).waitFor();
  return async () => window[Symbol.asyncDispose]();
}

async function scrape(): Promise<() => Promise<unknown>> {
  const stop = new AbortController();
  const scraping = (async () => {
    while (!stop.signal.aborted) {
      await (await fetch(`${replica.url}/metrics`)).text();
      await sleep(SCRAPE_MS, undefined, { signal: stop.signal }).catch(() => undefined);
    }
  })();
  return async () => {
    stop.abort();
    await scraping;
  };
}

const SITUATIONS: Readonly<Record<string, Look>> = {
  'nobody looks on': async () => async () => undefined,
  'a console is open in a browser beside': openConsole,
  'a console is open somewhere else': () => askAsConsole(replica.url),
  'scraped once a second': scrape,
};
const took = new Map<string, number[]>(Object.keys(SITUATIONS).map((name) => [name, []]));
for (let round = -1; round < ROUNDS; round += 1) {
  for (const [name, look] of Object.entries(SITUATIONS)) {
    const latenciesMs = await beside(look);
    if (round >= 0) took.get(name)?.push(...latenciesMs);
  }
}
const ms = (samples: readonly number[], share: number) => quantile(samples, share).toFixed(1);
printTable([
  [`start or stop, ${ROUNDS * OPERATED * 2} each`, 'p50 ms', 'p90 ms', 'p99 ms'],
  ...[...took].map(([name, all]) => [name, ms(all, 0.5), ms(all, 0.9), ms(all, 0.99)]),
]);
console.log(`load average after: ${loadavg()[0]?.toFixed(2)}`);
