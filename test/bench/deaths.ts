/**
 * How long a death takes to reach the health events, while 50 containers run: from the moment at which Docker says that
 * the container ended (its `FinishedAt`) to the id of the stream entry, both by the clock of this host. The same
 * with the event stream cut, where only the inspection finds it. Prints figures and asserts nothing but that each
 * death was told.
 */
import { loadavg } from 'node:os';
import { makeSemaphore } from '../../lib/semaphore.ts';
import { docker, GAME_IMAGE } from '../helpers/docker.ts';
import { isEvents, makeDockerProxy } from '../helpers/docker-proxy.ts';
import { eventually } from '../helpers/eventually.ts';
import { entriesOf } from '../helpers/failed-start.ts';
import { type Flow, makeFlow, newGame } from '../helpers/flow.ts';
import { STREAMS } from '../helpers/lobby.ts';
import { stopServices } from '../helpers/services.ts';
import { startReplica } from './replica.ts';
import { printTable, quantile } from './statistics.ts';

const KILLS = Number(process.argv[2] ?? 100);
const CUT_KILLS = Number(process.argv[3] ?? 10);
const RUNNING = 50;
const PARALLEL_STARTS = 4;
const INSPECT_MS = 10_000;

await using stack = new AsyncDisposableStack();
stack.defer(stopServices);
const flow = stack.adopt(await makeFlow(), (one) => one.destroy());
const proxy = stack.adopt(await makeDockerProxy(), (one) => one.destroy());
console.log(`load average before: ${loadavg()[0]?.toFixed(2)}`);

const starts = makeSemaphore(PARALLEL_STARTS);
async function startGame(world: Flow): Promise<string> {
  const gameId = newGame('death');
  const request = await world.lobby.start(gameId, GAME_IMAGE);
  const { fields } = await world.lobby.answerTo(request, 120_000);
  if (fields.outcome !== 'success') throw new Error(`a start failed: ${fields.error_message}`);
  return gameId;
}
const startGames = (count: number) =>
  Promise.all(Array.from({ length: count }, () => starts.run(() => startGame(flow))));

/** Kills the game's container and returns how long its death took to be told, milliseconds. */
async function timeDeath(gameId: string, timeoutMs: number): Promise<number> {
  const container = docker.getContainer(String((await flow.rows.record(gameId))?.current_container_id));
  await container.kill();
  const told = await eventually(
    async () =>
      (await entriesOf(flow, STREAMS.healthEvents, gameId)).find(
        ({ fields }) => fields.event_type === 'container_exited',
      ),
    { what: `the death of ${gameId} to be told`, timeoutMs },
  );
  const { FinishedAt } = (await container.inspect()).State;
  return Number(told.id.split('-')[0]) - Date.parse(FinishedAt);
}

const table: string[][] = [['death to health event, ms', 'kills', 'p50', 'p90', 'p99', 'max']];
function report(what: string, samples: readonly number[]): void {
  const shown = [0.5, 0.9, 0.99, 1].map((share) => quantile(samples, share).toFixed(0));
  table.push([what, String(samples.length), ...shown]);
}

{
  await using _replica = await startReplica(flow.world.variables());
  await startGames(RUNNING);
  const samples: number[] = [];
  for (let kill = 0; kill < KILLS; kill += 1) {
    samples.push(await timeDeath(await startGame(flow), 60_000));
  }
  report(`events, ${RUNNING} containers run`, samples);
}
{
  proxy.onCall = (call) => (isEvents(call) ? 'hang' : 'pass');
  await using _replica = await startReplica(
    flow.world.variables({
      RTMANAGER_DOCKER_HOST: proxy.host,
      RTMANAGER_INSPECT_INTERVAL: `${INSPECT_MS}ms`,
    }),
  );
  const samples: number[] = [];
  for (let kill = 0; kill < CUT_KILLS; kill += 1) {
    samples.push(await timeDeath(await startGame(flow), 60_000));
  }
  report(`no events, inspection every ${INSPECT_MS / 1_000} s`, samples);
}
printTable(table);
