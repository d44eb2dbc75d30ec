import type { Browser, Page } from 'playwright-core';
import type { HealthEvent } from '../../lib/health.ts';
import { makeDeadLetters } from '../../queues/dead-letters.ts';
import { makeEntryDecoder } from '../../queues/decode-entry.ts';
import { getRecord } from '../../sql/runtime-records.ts';
import { tellHealth } from '../../sql/tell-health.ts';
import { type ConsoleWindow, launchBrowser, openWindow } from './console-browser.ts';
import { type FakeDocker, makeFakeDocker } from './fake-docker.ts';
import { containerOf, DIED_MS, insertDiedGame, insertFleet, STARTED_MS } from './fleet-rows.ts';
import { logFrame } from './log-frame.ts';
import { makePlayedRunner, type PlayedRunner } from './played-runner.ts';
import { makeRedis, type TestRedis } from './redis.ts';
import { makeRestService, type RestService } from './rest-service.ts';
import { makeStore, type Store } from './store.ts';
import { makeTestConfig } from './test-config.ts';

const TOKEN = 'correct-horse-battery-staple';
export const LOGIN = { username: 'operator', password: TOKEN };

/** A game of the fleet that died of want of memory, and its last words. */
export const DIED = 'crab-nebula-7';
export const IMAGE = 'galaxy/game:1.4.2';
/** The stream of dead letters; start jobs come by `starts`. */
export const LETTERS = 'letters';
export const LAST_LINES = [
  'turn 41 computed in 812 ms',
  'turn 42 begins',
  'FATAL: fleet 12 has no home planet',
];

/** What happens to a container; when and where stands with the game. */
type Told = Pick<HealthEvent, 'type' | 'details'>;

/** 10,000 games and one that died, the service with its console, and an operator's window. Only the daemon is played. */
export interface ConsoleWorld extends AsyncDisposable {
  readonly store: Store;
  readonly redis: TestRedis;
  readonly rest: RestService;
  readonly runner: PlayedRunner;
  readonly browser: Browser;
  readonly window: ConsoleWindow;
  readonly page: Page;
  /** A game that died, with its container and its log. */
  addDied(gameId: string, imageRef: string, logLines: readonly string[]): Promise<void>;
  /** Something happens to the container on record, now. */
  tell(gameId: string, told: Told): Promise<void>;
}

export async function makeConsoleWorld(): Promise<ConsoleWorld> {
  await using stack = new AsyncDisposableStack();
  const store = stack.adopt(await makeStore(), (one) => one.destroy());
  const config = makeTestConfig();
  const daemon = stack.adopt(await makeFakeDocker(config), (one) => one.close());
  const { docker } = daemon;
  const redis = stack.adopt(await makeRedis(), (one) => one.release());
  const deadLetters = makeDeadLetters({
    redis: redis.client,
    stream: LETTERS,
    jobStreams: ['starts', 'stops'],
    decoder: makeEntryDecoder({ startJobs: 'starts', stopJobs: 'stops', now: Date.now }),
  });
  const rest = stack.adopt(
    await makeRestService({ db: store.db, token: TOKEN, docker, config, deadLetters }),
    (one) => one.close(),
  );
  const browser = stack.adopt(await launchBrowser(), (one) => one.close());
  await insertFleet(store, 10_000);
  const addDied: ConsoleWorld['addDied'] = async (gameId, imageRef, logLines) => {
    await insertDiedGame(store, { gameId, imageRef, logLines });
    putDied(daemon, gameId, logLines);
  };
  await addDied(DIED, IMAGE, LAST_LINES);
  putRunning(daemon, 'game-00001');
  const window = stack.use(await openWindow(browser, rest.url, { httpCredentials: LOGIN }));
  const opened = stack.move();
  return {
    store,
    redis,
    rest,
    runner: makePlayedRunner(store),
    browser,
    window,
    page: window.page,
    addDied,
    async tell(gameId, told) {
      const containerId = (await getRecord(store.db, gameId))?.currentContainerId ?? '';
      const event = { ...told, source: 'inspect', containerId, occurredAtMs: Date.now() } as HealthEvent;
      if (!(await tellHealth(store.db, gameId, event))) throw new Error(`nobody was told of ${gameId}`);
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

function putDied({ world }: FakeDocker, gameId: string, logLines: readonly string[]): void {
  world.put({
    id: containerOf(gameId),
    name: `galaxy-game-${gameId}`,
    labels: { 'com.galaxy.owner': 'rtmanager', 'com.galaxy.game_id': gameId },
    state: 'exited',
    exitCode: 137,
    oomKilled: true,
    startedAt: new Date(STARTED_MS + 400).toISOString(),
    finishedAt: new Date(DIED_MS).toISOString(),
    log: logFrame('stdout', `${logLines.join('\n')}\n`),
  });
}

function putRunning({ world }: FakeDocker, gameId: string): void {
  const labels = { 'com.galaxy.owner': 'rtmanager', 'com.galaxy.game_id': gameId };
  world.put({ id: containerOf(gameId), name: `galaxy-game-${gameId}`, labels });
}
