/**
 * The operator console with 10,000 games, in a real Chromium: how soon something and then the games are shown, each time
 * in a fresh window without a cache, and how soon an event is on the page, from when its transaction begins. Nothing is asserted.
 */
import { loadavg } from 'node:os';
import { openWindow } from '../helpers/console-browser.ts';
import { LOGIN, makeConsoleWorld } from '../helpers/console-world.ts';
import { stopServices } from '../helpers/services.ts';
import { printTable, quantile } from './statistics.ts';

const ROUNDS = Number(process.argv[2] ?? 15);

const SHOWN = `(async () => {
  const named = (name) => performance.getEntriesByName(name)[0]?.startTime;
  while (named('first-contentful-paint') === undefined || named('games-shown') === undefined) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return [named('first-contentful-paint'), named('games-shown')];
})()`;

/** When the page's list of events grows next, by the clock of this machine. */
const EVENT_SHOWN = `new Promise((resolve) => {
  const list = document.querySelector('.feed');
  const observer = new MutationObserver(() => {
    observer.disconnect();
    requestAnimationFrame(() => resolve(Date.now()));
  });
  observer.observe(list, { childList: true });
})`;

const print = (name: string, samples: readonly number[]): string[] => [
  name,
  ...[0.5, 0.9, 1].map((share) => quantile(samples, share).toFixed(0)),
];

const world = await makeConsoleWorld();
const { browser, rest } = world;
const [paints, lists, updates]: [number[], number[], number[]] = [[], [], []];
console.log(`load average ${loadavg()[0]?.toFixed(2)}, ${ROUNDS} rounds`);

for (let round = 0; round <= ROUNDS; round += 1) {
  await using window = await openWindow(browser, rest.url, { httpCredentials: LOGIN });
  await window.page.goto(`${rest.url}/admin`);
  const [paint = 0, list = 0] = (await window.page.evaluate(SHOWN)) as number[];
  await window.page.getByText('live', { exact: true }).waitFor();
  const shown = window.page.evaluate(EVENT_SHOWN);
  // The page watches before the event is sent.
  await window.page.evaluate('1');
  const sentMs = Date.now();
  await world.tell('game-00001', { type: 'probe_recovered', details: { prior_failure_count: 3 } });
  const update = Number(await shown) - sentMs;
  // The first round warms up.
  if (round === 0) continue;
  paints.push(paint);
  lists.push(list);
  updates.push(update);
}
printTable([
  ['ms', 'p50', 'p90', 'worst'],
  print('first paint', paints),
  print('first 50 of 10,000 games shown', lists),
  print('from an event to the page', updates),
]);
await world[Symbol.asyncDispose]();
await stopServices();
