import { setTimeout as delay } from 'node:timers/promises';
import { GAME_LABEL, OWNER, OWNER_LABEL } from '../../../lib/docker/labels.ts';
import { inspect, leaveContainer, ownLabels } from '../../helpers/containers.ts';
import { docker, GAME_IMAGE } from '../../helpers/docker.ts';
import { eventually } from '../../helpers/eventually.ts';
import { entriesOf } from '../../helpers/failed-start.ts';
import { type Flow, makeFlow, newGame } from '../../helpers/flow.ts';
import { STREAMS } from '../../helpers/lobby.ts';
import { startReplica } from '../../helpers/replica.ts';
import { type Asked, findViolations, type SeenContainer, type Violation } from '../invariants.ts';
import { assertDaemonIsOurs, restartDockerd } from '../restart-dockerd.ts';
import type { ChaosFigures, Scenario } from '../scenario.ts';

const RUNNING = 6;
/** Longer than any pass after a daemon is back. */
const PATIENCE_MS = 120_000;

/**
 * The Docker Engine ends and comes back under two replicas, with games that run, one that is stopped, and containers
 * of others. The daemon itself stops what runs: each of these ends is told once, nothing is given up, requests that come
 * meanwhile are done afterwards, and events are heard again.
 */
export const daemonRestart: Scenario = {
  name: 'daemon-restart',
  title: 'The Docker Engine restarts under RTM',
  async run(_size, say) {
    await using stack = new AsyncDisposableStack();
    const flow = stack.adopt(await makeFlow(), (one) => one.destroy());
    await assertDaemonIsOurs();
    for (let place = 0; place < 2; place += 1) {
      const replica = await startReplica(flow.world.variables());
      stack.defer(async () => void (await replica.end('SIGTERM')));
    }
    const figures: ChaosFigures[] = [];
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      say(`${signal} to dockerd, ${RUNNING} games run`);
      figures.push(await restart(flow, signal));
    }
    return figures;
  },
};

async function restart(flow: Flow, signal: 'SIGTERM' | 'SIGKILL'): Promise<ChaosFigures> {
  const asked: Asked[] = [];
  const start = async (gameId = newGame()): Promise<string> => {
    asked.push({ gameId, kind: 'start', entryId: await flow.lobby.start(gameId, GAME_IMAGE) });
    return gameId;
  };
  const answers = () => Promise.all(asked.map(({ entryId }) => flow.lobby.answerTo(entryId, PATIENCE_MS)));

  const running = await Promise.all(Array.from({ length: RUNNING }, () => start()));
  const resting = await start();
  await answers();
  asked.push({ gameId: resting, kind: 'stop', entryId: await flow.lobby.stop(resting) });
  await answers();
  const foreign = await leaveForeign(flow);

  let inTheDark = '';
  const wentAtMs = Date.now();
  await restartDockerd(signal, async () => {
    inTheDark = await start();
  });
  await answers();
  await Promise.all(running.map((gameId) => untilTold(flow, gameId)));
  const recoveryMs = [Date.now() - wentAtMs];
  // Events are heard again: this one is told long before the next reconcile pass.
  const { id } = (await containers(flow)).find((one) => one.gameId === inTheDark) ?? { id: '' };
  await docker.getContainer(id).kill();
  await untilTold(flow, inTheDark);

  const violations = await findViolations({
    rows: flow.rows,
    asked,
    results: await flow.lobby.entries(STREAMS.jobResults),
    containers: await containers(flow),
  });
  const ends = await Promise.all([...running, inTheDark, resting].map((gameId) => toldOf(flow, gameId)));
  const wrong = ends.flatMap((told, index): Violation[] =>
    told.join() === (index <= RUNNING ? 'container_started,container_exited' : 'container_started')
      ? []
      : [{ kind: 'doubled', what: `health events of a game: ${told.join()}` }],
  );
  return {
    what: `dockerd by ${signal}, ${RUNNING} games running, one stopped`,
    times: 1,
    requests: asked.length,
    violations: [...violations, ...wrong, ...(await touched(foreign))],
    recoveryMs,
  };
}

const toldOf = async (flow: Flow, gameId: string): Promise<string[]> =>
  (await entriesOf(flow, STREAMS.healthEvents, gameId)).map(({ fields }) => fields.event_type ?? '');

const untilTold = (flow: Flow, gameId: string): Promise<unknown> =>
  eventually(async () => (await toldOf(flow, gameId)).includes('container_exited'), {
    what: `the end of ${gameId} to be told`,
    timeoutMs: PATIENCE_MS,
  });

async function containers({ world }: Flow): Promise<SeenContainer[]> {
  const listed = await docker.listContainers({
    all: true,
    filters: { label: [`${OWNER_LABEL}=${OWNER}`], network: [world.network.name] },
  });
  return listed.map(({ Id, Labels, State }) => ({
    id: Id,
    gameId: Labels[GAME_LABEL] ?? '',
    running: State === 'running',
  }));
}

/** Containers that RTM must not touch: without labels, and with somebody else's. */
const leaveForeign = ({ world }: Flow): Promise<string[]> =>
  Promise.all([
    leaveContainer({ name: newGame('unlabelled'), network: world.network.name }),
    leaveContainer({
      name: newGame('foreign'),
      network: world.network.name,
      labels: { ...ownLabels(newGame()), [OWNER_LABEL]: 'somebody else' },
    }),
  ]);

async function touched(ids: readonly string[]): Promise<Violation[]> {
  // Whatever would remove them by mistake has had its time by now; a pass or two more does not hurt.
  await delay(3_000);
  const found = await Promise.all(ids.map((id) => inspect(id)));
  return found.some((one) => one === undefined)
    ? [{ kind: 'containers', what: 'a container of somebody else is gone' }]
    : [];
}
