/**
 * What operators and their tools ask of a replica that looks after 10,000 games with 20 operations behind each: how long a
 * scrape takes, made anew and kept; an explanation; and how soon the last of 50 listeners hears that an operation has
 * ended. PostgreSQL and Redis are real, Docker answers at once. Prints figures and asserts nothing.
 */
import { loadavg } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '../helpers/eventually.ts';
import { stopServices } from '../helpers/services.ts';
import { gameIdOf } from './fleet.ts';
import { makeGrownWorld } from './grown-world.ts';
import { startReplica } from './replica.ts';
import { printTable, quantile } from './statistics.ts';

const GAMES = Number(process.argv[2] ?? 10_000);
const SCRAPES = 8;
/** Longer than a reading of the stores is kept (queues/store-gauges.ts). */
const ANEW_MS = 5_500;
const EXPLAINED = 300;
const LISTENERS = 50;
const OPERATED = 20;

await using stack = new AsyncDisposableStack();
stack.defer(stopServices);
console.log(`load average before: ${loadavg()[0]?.toFixed(2)}`);
const world = stack.use(await makeGrownWorld(GAMES));
const replica = stack.use(await startReplica(world.variables));

async function timed(path: string): Promise<number> {
  const beganMs = performance.now();
  const answer = await fetch(`${replica.url}${path}`);
  await answer.text();
  if (answer.status !== 200) throw new Error(`${path} is answered with ${answer.status}`);
  return performance.now() - beganMs;
}

const [anew, kept]: [number[], number[]] = [[], []];
for (let scrape = 0; scrape <= SCRAPES; scrape += 1) {
  await sleep(ANEW_MS);
  const times = [await timed('/metrics'), await timed('/metrics')] as const;
  // The first one loads what was never needed before.
  if (scrape === 0) continue;
  anew.push(times[0]);
  kept.push(times[1]);
}

const explained: number[] = [];
for (let index = -10; index < EXPLAINED; index += 1) {
  const gameId = gameIdOf(Math.floor(((index + 10) * GAMES) / (EXPLAINED + 10)));
  const tookMs = await timed(`/api/v1/internal/runtimes/${gameId}/explain`);
  if (index >= 0) explained.push(tookMs);
}

/** When each listener heard that an operation had ended, by the operation's id and the moment at which it did. */
const heard = new Map<string, { readonly endedAtMs: number; readonly heardAtMs: number[] }>();
const leaving = new AbortController();

function note(frame: string): void {
  const data = /^data: (.*)$/m.exec(frame)?.[1];
  if (!frame.includes('event: operation\n') || data === undefined) return;
  const { operation_id: id, status, occurred_at: endedAt } = JSON.parse(data);
  if (status !== 'finished') return;
  const told = heard.get(id) ?? { endedAtMs: Date.parse(endedAt), heardAtMs: [] };
  told.heardAtMs.push(Date.now());
  heard.set(id, told);
}

async function listen(): Promise<void> {
  const { body } = await fetch(`${replica.url}/api/v1/internal/events`, { signal: leaving.signal });
  const reader = body?.pipeThrough(new TextDecoderStream()).getReader();
  const readOn = async () => {
    for (let rest = ''; ; ) {
      const { done, value = '' } = (await reader?.read()) ?? { done: true };
      if (done) return;
      const frames = (rest + value).split('\n\n');
      rest = frames.pop() ?? '';
      for (const frame of frames) note(frame);
    }
  };
  readOn().catch((error: unknown) => {
    if (!leaving.signal.aborted) throw error;
  });
}

for (let listener = 0; listener < LISTENERS; listener += 1) await listen();
await world.requests.oneByOne(OPERATED);
await eventually(
  () => heard.size === 2 * OPERATED && [...heard.values()].every((one) => one.heardAtMs.length === LISTENERS),
  { what: 'every listener to hear of every end' },
);
leaving.abort();
const last = [...heard.values()].map((one) => Math.max(...one.heardAtMs) - one.endedAtMs);

const row = (name: string, samples: readonly number[]): string[] => [
  name,
  ...[0.5, 0.95, 1].map((share) => quantile(samples, share).toFixed(1)),
];
printTable([
  [`${GAMES} games, ms`, 'p50', 'p95', 'most'],
  row(`a scrape, made anew (${SCRAPES})`, anew),
  row(`a scrape within 5 s of another (${SCRAPES})`, kept),
  row(`an explanation (${EXPLAINED})`, explained),
  row(`from the end of an operation to the last of ${LISTENERS} listeners (${last.length})`, last),
]);
console.log(`load average after: ${loadavg()[0]?.toFixed(2)}`);
