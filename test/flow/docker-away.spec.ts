import { expect } from 'chai';
import { containersOf } from '../helpers/containers.ts';
import { GAME_IMAGE } from '../helpers/docker.ts';
import { type DockerProxy, isStart, makeDockerProxy } from '../helpers/docker-proxy.ts';
import { eventually } from '../helpers/eventually.ts';
import { assertStartFails } from '../helpers/failed-start.ts';
import { type Flow, makeFlow, newGame } from '../helpers/flow.ts';
import { startRtm } from '../helpers/rtm.ts';

describe('a start while Docker does not answer (spec, section 4)', () => {
  let flow: Flow;
  let docker: DockerProxy;

  before(async () => {
    flow = await makeFlow();
    docker = await makeDockerProxy();
  });
  afterEach(async () => {
    docker.onAnswer = undefined;
    await docker.close();
    await docker.open();
  });
  after(async () => {
    await docker?.destroy();
    await flow?.destroy();
  });

  const throughProxy = (window: string) =>
    startRtm(flow.world, { RTMANAGER_DOCKER_HOST: docker.host, RTMANAGER_DOCKER_RETRY_WINDOW: window });

  it('is tried again, and succeeds when Docker comes back', async () => {
    const gameId = newGame();
    await using _rtm = await throughProxy('10m');
    await docker.close();
    const request = await flow.lobby.start(gameId, GAME_IMAGE);
    await eventually(async () => (await flow.rows.operations(gameId))[0]?.retrying_since, {
      what: 'the first attempt to find Docker away',
    });
    await docker.open();
    const { fields } = await flow.lobby.answerTo(request);
    expect(fields).to.include({ outcome: 'success', error_code: '' });
    expect(await containersOf(gameId)).to.have.length(1);
    expect((await flow.rows.operations(gameId))[0]?.attempt).to.be.greaterThan(1);
  });

  it('a retry window of none: docker_unavailable at once, no alert', async () => {
    await using _rtm = await throughProxy('0s');
    await docker.close();
    await assertStartFails(flow, {
      gameId: newGame(),
      imageRef: GAME_IMAGE,
      code: 'docker_unavailable',
      // Two looks are under way at once; either may be the first to fail.
      says: /Docker did not answer to "list (containers|networks)"/,
    });
  });

  it('a short retry window: docker_unavailable when it is over', async () => {
    await using _rtm = await throughProxy('1s');
    await docker.close();
    const gameId = newGame();
    await assertStartFails(flow, {
      gameId,
      imageRef: GAME_IMAGE,
      code: 'docker_unavailable',
      says: /Docker did not answer/,
    });
    expect((await flow.rows.operations(gameId))[0]?.attempt).to.be.greaterThan(1);
  });

  it('no failure is final while a container may be left: Docker goes away before the rollback', async () => {
    const gameId = newGame();
    docker.onAnswer = async (call) => {
      if (!isStart(call)) return 'pass' as const;
      await docker.close();
      return { status: 500, message: 'and then the daemon went away' };
    };
    await using _rtm = await throughProxy('0s');
    const request = await flow.lobby.start(gameId, GAME_IMAGE);
    await eventually(async () => (await flow.rows.operations(gameId))[0]?.rollback_pending, {
      what: 'the rollback to be pending',
    });
    expect((await flow.rows.operations(gameId))[0]?.status).to.equal('queued');
    docker.onAnswer = undefined;
    await docker.open();
    const { fields } = await flow.lobby.answerTo(request);
    expect(fields.outcome).to.equal('success');
    expect((await containersOf(gameId)).map(({ Id }) => Id)).to.deep.equal([fields.container_id]);
  });
});
