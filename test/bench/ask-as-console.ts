import { setTimeout as sleep } from 'node:timers/promises';

/** The pace of console/fleet-view.js and console/main.js. */
const SETTLE = { afterMs: 400, everyMs: 2_000 };
const LOOK_EVERY_MS = 5_000;
const SELDOM_MS = 15_000;

const GAMES = ['/admin/data/games?order=attention&limit=50&offset=0', '/admin/data/fleet'];
const REST = ['/admin/api/v1/internal/dead-letters?limit=5', '/admin/data/readyz'];

/**
 * Asks what an open console asks, when it asks it, and draws nothing: the console of somebody whose browser is on a
 * machine of its own. Resolves when it listens to events; what it returns ends that.
 */
export async function askAsConsole(url: string): Promise<() => Promise<unknown>> {
  const leaving = new AbortController();
  const { signal } = leaving;
  const askAll = (paths: readonly string[]) =>
    Promise.all(paths.map(async (path) => (await fetch(`${url}${path}`, { signal })).text()));
  const pause = (ms: number) => sleep(Math.max(0, ms), undefined, { signal });

  let settling = false;
  let settledAt = Number.NEGATIVE_INFINITY;
  async function settle(): Promise<void> {
    if (settling) return;
    settling = true;
    await pause(Math.max(SETTLE.afterMs, settledAt + SETTLE.everyMs - performance.now()));
    settling = false;
    settledAt = performance.now();
    await askAll(GAMES);
  }

  async function look(): Promise<void> {
    for (let seldomAt = Number.NEGATIVE_INFINITY; ; await pause(LOOK_EVERY_MS)) {
      const isTime = performance.now() - seldomAt >= SELDOM_MS;
      if (isTime) seldomAt = performance.now();
      await askAll(isTime ? [...GAMES, ...REST] : GAMES);
    }
  }

  const settlings: Promise<void>[] = [];
  const events = await fetch(`${url}/admin/api/v1/internal/events`, { signal });
  if (events.status !== 200 || !events.body) throw new Error(`events: ${events.status}`);
  const listening = (async (body) => {
    for await (const _ of body) settlings.push(settle());
  })(events.body);
  const all = [listening, look()];
  return async () => {
    leaving.abort();
    for (const ended of await Promise.allSettled([...all, ...settlings])) {
      if (ended.status === 'rejected' && ended.reason.name !== 'AbortError') throw ended.reason;
    }
  };
}
