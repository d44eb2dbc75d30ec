import { expect } from 'chai';
import { GAME_LABEL } from '../../lib/docker/labels.ts';
import { containersOf } from '../helpers/containers.ts';
import { GAME_IMAGE } from '../helpers/docker.ts';
import { eventually } from '../helpers/eventually.ts';
import { entriesOf } from '../helpers/failed-start.ts';
import { makeFakeDockerApi } from '../helpers/fake-docker-api.ts';
import { makeFakeDockerWorld } from '../helpers/fake-docker-world.ts';
import { type Flow, makeFlow, newGame } from '../helpers/flow.ts';
import { STREAMS } from '../helpers/lobby.ts';
import { type Rtm, startRtm } from '../helpers/rtm.ts';
import { assertSerialHistory, meetAtOnce } from '../helpers/serial-history.ts';

const GAMES = 5;
const BURST = 12;

describe('the order of one game, with two replicas', () => {
  let flow: Flow;
  let replicas: [Rtm, Rtm];

  before(async () => {
    flow = await makeFlow();
    const variables = { RTMANAGER_CONTAINER_STOP_TIMEOUT_SECONDS: '5' };
    replicas = [await startRtm(flow.world, variables), await startRtm(flow.world, variables)];
  });
  after(async () => {
    await Promise.all((replicas ?? []).map((one) => one.close()));
    await flow?.destroy();
  });

  /** Docker has at most one container of the game, and it runs if and only if it should. */
  async function assertContainers(gameId: string, state: string): Promise<void> {
    const containers = await containersOf(gameId);
    expect(containers.map((one) => one.State.Running)).to.deep.equal(
      state === 'never started' ? [] : [state === 'running'],
    );
  }

  it('entries that come twice end in replay_no_op', async () => {
    const gameId = newGame();
    const answers: (string | undefined)[] = [];
    for (const ask of [
      () => flow.lobby.start(gameId, GAME_IMAGE),
      () => flow.lobby.start(gameId, GAME_IMAGE),
      () => flow.lobby.stop(gameId),
      () => flow.lobby.stop(gameId),
    ]) {
      const { fields } = await flow.lobby.answerTo(await ask());
      answers.push(fields.error_code || fields.outcome);
    }
    expect(answers).to.deep.equal(['success', 'replay_no_op', 'success', 'replay_no_op']);
    await assertContainers(gameId, await assertSerialHistory(flow.rows, gameId));
  });

  it('start, stop, start, stop … written in one burst ends in that order', async function () {
    this.timeout(60_000);
    const gameId = newGame();
    const burst = flow.world.redis.client.multi();
    for (let place = 0; place < BURST; place += 1) {
      const common = ['game_id', gameId, 'requested_at_ms', String(Date.now())];
      if (place % 2 === 0) burst.xadd(STREAMS.startJobs, '*', ...common, 'image_ref', GAME_IMAGE);
      else burst.xadd(STREAMS.stopJobs, '*', ...common, 'reason', 'finished');
    }
    const written = ((await burst.exec()) ?? []).map(([, id]) => String(id));
    const answers = await eventually(
      async () => {
        const all = await entriesOf(flow, STREAMS.jobResults, gameId);
        return all.length === BURST && all;
      },
      { what: `${BURST} answers`, timeoutMs: 50_000 },
    );
    expect(answers.map(({ fields }) => [fields.op_kind, fields.error_code || fields.outcome])).to.deep.equal(
      written.map((_, place) => [place % 2 === 0 ? 'start' : 'stop', 'success']),
    );
    expect(answers.map(({ fields }) => fields.request_entry_id)).to.deep.equal(written);
    expect(await assertSerialHistory(flow.rows, gameId)).to.equal('stopped');
    await assertContainers(gameId, 'stopped');
  });

  it(`start and stop at the same time, ${GAMES} times: always a serial history`, async () => {
    for (const gameId of await meetAtOnce(flow, replicas, { games: GAMES, rounds: 1 }))
      await assertContainers(gameId, await assertSerialHistory(flow.rows, gameId));
  });
});

describe('the order of one game, with two replicas and a daemon that answers at once', () => {
  it(`start and stop at the same time, ${GAMES * 20} times: always a serial history`, async () => {
    await using stack = new AsyncDisposableStack();
    const flow = stack.adopt(await makeFlow(), (one) => one.destroy());
    const api = stack.adopt(await makeFakeDockerApi(), (one) => one.close());
    const docker = makeFakeDockerWorld(api, flow.world.network.name);
    docker.images.set(GAME_IMAGE, { id: 'sha256:1111' });
    const variables = { RTMANAGER_DOCKER_HOST: api.host };
    const replicas = [
      stack.use(await startRtm(flow.world, variables)),
      stack.use(await startRtm(flow.world, variables)),
    ] as const;
    for (const gameId of await meetAtOnce(flow, replicas, { games: GAMES, rounds: 20 })) {
      const state = await assertSerialHistory(flow.rows, gameId);
      const containers = [...docker.containers.values()].filter((one) => one.labels?.[GAME_LABEL] === gameId);
      expect(containers.map((one) => one.state)).to.deep.equal([state === 'running' ? 'running' : 'exited']);
    }
  });
});
