import { expect } from 'chai';
import { containersOf } from '../helpers/containers.ts';
import { GAME_IMAGE } from '../helpers/docker.ts';
import { eventually } from '../helpers/eventually.ts';
import { entriesOf } from '../helpers/failed-start.ts';
import { type Flow, makeFlow, newGame } from '../helpers/flow.ts';
import { STREAMS } from '../helpers/lobby.ts';
import { makeRestClient } from '../helpers/rest-client.ts';
import { type Rtm, startRtm } from '../helpers/rtm.ts';
import { assertSerialHistory } from '../helpers/serial-history.ts';

const GAMES = 5;
const ROUNDS = 20;
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

  it(`start and stop at the same time, ${GAMES * ROUNDS} times: always a serial history`, async function () {
    this.timeout(180_000);
    const [one, other] = replicas.map((replica) => makeRestClient(replica.url));
    if (!one || !other) throw new Error('there are two replicas');
    const play = async (gameId: string): Promise<void> => {
      for (let round = 0; round < ROUNDS; round += 1) {
        const [starter, stopper] = round % 2 === 0 ? [one, other] : [other, one];
        const byStream = round % 3 === 0;
        await Promise.all([
          byStream
            ? flow.lobby.start(gameId, GAME_IMAGE).then((id) => flow.lobby.answerTo(id, 60_000))
            : starter.post(`/runtimes/${gameId}/start`, { image_ref: GAME_IMAGE }),
          stopper.post(`/runtimes/${gameId}/stop`, { reason: 'cancelled' }),
        ]);
      }
    };
    const games = Array.from({ length: GAMES }, () => newGame());
    await Promise.all(games.map(play));
    for (const gameId of games) {
      const state = await assertSerialHistory(flow.rows, gameId);
      expect(await flow.rows.operations(gameId)).to.have.length(2 * ROUNDS);
      await assertContainers(gameId, state);
    }
  });
});
