import { expect } from 'chai';
import { containersOf } from '../helpers/containers.ts';
import { GAME_IMAGE } from '../helpers/docker.ts';
import { type DockerProxy, isCreate, isStart, makeDockerProxy } from '../helpers/docker-proxy.ts';
import { eventually } from '../helpers/eventually.ts';
import { assertStartFails } from '../helpers/failed-start.ts';
import { type Flow, makeFlow, newGame } from '../helpers/flow.ts';
import { gameOfCall } from '../helpers/game-of-call.ts';
import { startRtm } from '../helpers/rtm.ts';
import type { RtmVariables } from '../helpers/rtm-env.ts';

describe('a start while Docker answers late, wrongly or not at all', () => {
  let flow: Flow;
  let docker: DockerProxy;

  before(async () => {
    flow = await makeFlow();
    docker = await makeDockerProxy();
  });
  afterEach(() => {
    docker.onCall = docker.onAnswer = undefined;
  });
  after(async () => {
    await docker?.destroy();
    await flow?.destroy();
  });

  const throughProxy = (more: RtmVariables = {}) =>
    startRtm(flow.world, { RTMANAGER_DOCKER_HOST: docker.host, ...more });

  it('failure mode 7: the answer to a create, or to a start, is lost: one container, one answer', async () => {
    const [noCreate, noStart] = [newGame(), newGame()];
    const lost = new Set<string>();
    docker.onAnswer = async (call) => {
      const gameId = isCreate(call) || isStart(call) ? await gameOfCall(call) : '';
      const isLost = isCreate(call) ? gameId === noCreate : gameId === noStart;
      if (!isLost || lost.has(gameId)) return 'pass' as const;
      lost.add(gameId);
      return 'cut' as const;
    };
    await using _rtm = await throughProxy();
    const requests = [
      await flow.lobby.start(noCreate, GAME_IMAGE),
      await flow.lobby.start(noStart, GAME_IMAGE),
    ];
    for (const request of requests) {
      const { fields } = await flow.lobby.answerTo(request);
      expect(fields).to.include({ outcome: 'success', error_code: '' });
      const containers = await containersOf(fields.game_id ?? '');
      expect(containers.map(({ Id, State }) => [Id, State.Running])).to.deep.equal([
        [fields.container_id, true],
      ]);
    }
    expect([...lost]).to.have.members([noCreate, noStart]);
  });

  for (const [what, isIt] of [
    ['create', isCreate],
    ['start', isStart],
  ] as const) {
    it(`failure mode 7: Docker calls the ${what} an error although it was done: nothing is left`, async () => {
      docker.onAnswer = (call) =>
        isIt(call) ? { status: 500, message: 'context canceled by the test' } : 'pass';
      await using _rtm = await throughProxy();
      await assertStartFails(flow, {
        gameId: newGame(),
        imageRef: GAME_IMAGE,
        code: 'container_start_failed',
        intent: 'runtime.container_start_failed',
        says: /context canceled by the test/,
      });
    });
  }

  it('failure mode 10: one hung call holds up its own game and no other', async () => {
    const hung = newGame();
    const held = Promise.withResolvers<'pass'>();
    docker.onCall = (call) => (isCreate(call) && call.path.includes(hung) ? held.promise : 'pass');
    await using _rtm = await throughProxy();
    const waiting = await flow.lobby.start(hung, GAME_IMAGE);
    await eventually(() => docker.calls.some((call) => isCreate(call) && call.path.includes(hung)), {
      what: 'the create that hangs',
    });
    const { fields } = await flow.lobby.answerTo(await flow.lobby.start(newGame(), GAME_IMAGE));
    expect(fields).to.include({ outcome: 'success' });
    expect(await flow.rows.operations(hung)).to.have.nested.property('[0].status', 'running');
    held.resolve('pass');
    expect((await flow.lobby.answerTo(waiting)).fields).to.include({ outcome: 'success' });
  });

  it('failure mode 18: no more containers are started at once than configured', async () => {
    const starting = new Set<string>();
    let most = 0;
    docker.onCall = async (call) => {
      if (isCreate(call)) starting.add(await gameOfCall(call));
      most = Math.max(most, starting.size);
      return 'pass' as const;
    };
    docker.onAnswer = async (call) => {
      if (isStart(call)) starting.delete(await gameOfCall(call));
      return 'pass' as const;
    };
    await using _rtm = await throughProxy({ RTMANAGER_DOCKER_PARALLEL_STARTS: '2' });
    const requests = await Promise.all(
      Array.from({ length: 6 }, () => flow.lobby.start(newGame(), GAME_IMAGE)),
    );
    for (const request of requests) {
      expect((await flow.lobby.answerTo(request)).fields).to.include({ outcome: 'success' });
    }
    expect(most).to.equal(2);
  });
});
