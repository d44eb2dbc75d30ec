import { expect } from 'chai';
import { containersOf, inspect, leaveContainer, ownLabels } from '../helpers/containers.ts';
import { docker, GAME_IMAGE } from '../helpers/docker.ts';
import { type DockerProxy, isEvents, makeDockerProxy } from '../helpers/docker-proxy.ts';
import { eventually } from '../helpers/eventually.ts';
import { entriesOf } from '../helpers/failed-start.ts';
import { type Flow, makeFlow, newGame } from '../helpers/flow.ts';
import { STREAMS } from '../helpers/lobby.ts';
import { type Rtm, startRtm } from '../helpers/rtm.ts';

/**
 * The daemon itself is not restarted: the services of this suite would go with it. To RTM it looks the same when its
 * socket goes away and comes back; what happened meanwhile is done to the real containers past it.
 */
describe('Docker goes away under RTM, and comes back (failure modes 1, 2 and 11)', () => {
  let flow: Flow;
  let proxy: DockerProxy;
  let rtm: Rtm;

  before(async () => {
    flow = await makeFlow();
    proxy = await makeDockerProxy();
    rtm = await startRtm(flow.world, { RTMANAGER_DOCKER_HOST: proxy.host });
  });
  afterEach(async () => {
    proxy.onCall = undefined;
  });
  after(async () => {
    await rtm?.close();
    await proxy?.destroy();
    await flow?.destroy();
  });

  const started = async (gameId: string): Promise<string> =>
    (await flow.lobby.answerTo(await flow.lobby.start(gameId, GAME_IMAGE))).fields.container_id ?? '';
  const eventsOf = async (gameId: string) =>
    (await entriesOf(flow, STREAMS.healthEvents, gameId)).map(({ fields }) => fields.event_type);
  const toldOf = (gameId: string, event: string) =>
    eventually(async () => (await eventsOf(gameId)).includes(event), { what: `${event} of ${gameId}` });
  const subscriptions = () => proxy.calls.filter(isEvents).length;

  it('what died meanwhile is found, what lives stays, what was started by hand is adopted', async () => {
    const [killed, removed, alive, byHand] = [newGame(), newGame(), newGame(), newGame()];
    const [killedId, removedId, aliveId] = await Promise.all([killed, removed, alive].map(started));
    if (!killedId || !removedId || !aliveId) throw new Error('all three have been started');
    const before = subscriptions();

    await proxy.close();
    await docker.getContainer(killedId).kill();
    await docker.getContainer(removedId).remove({ force: true });
    const byHandId = await leaveContainer({
      name: `galaxy-game-${byHand}`,
      network: flow.world.network.name,
      labels: ownLabels(byHand),
    });
    await proxy.open();

    await toldOf(killed, 'container_exited');
    await toldOf(removed, 'container_disappeared');
    await eventually(async () => (await flow.rows.record(byHand))?.status === 'running', {
      what: 'the adoption',
    });
    expect(subscriptions()).to.be.greaterThan(before);
    expect(await flow.rows.record(killed)).to.include({ status: 'stopped', current_container_id: killedId });
    expect(await flow.rows.record(removed)).to.include({ status: 'removed', current_container_id: null });
    expect(await flow.rows.record(alive)).to.include({ status: 'running', current_container_id: aliveId });
    expect(await flow.rows.record(byHand)).to.include({
      status: 'running',
      current_container_id: byHandId,
      current_image_ref: GAME_IMAGE,
    });
    expect(await eventsOf(killed)).to.deep.equal(['container_started', 'container_exited']);
    expect(await eventsOf(removed)).to.deep.equal(['container_started', 'container_disappeared']);
    expect(await eventsOf(alive)).to.deep.equal(['container_started']);
    expect((await flow.rows.operations(byHand)).map(({ op_kind }) => op_kind)).to.deep.equal([
      'reconcile_adopt',
    ]);
    expect(await inspect(byHandId)).to.nested.include({ 'State.Running': true });
  });

  it('events are heard again afterwards', async () => {
    const gameId = newGame();
    const containerId = await started(gameId);
    await docker.getContainer(containerId).kill();
    await toldOf(gameId, 'container_exited');
    const [, found] = await flow.rows.operations(gameId);
    expect(found).to.include({ op_kind: 'reconcile_exit', reason: 'docker_event' });
  });

  it('a daemon that comes back without any container disposes nobody while it may still be loading (failure mode 11)', async () => {
    const games = Array.from({ length: 12 }, () => newGame());
    const ids = await Promise.all(games.map(started));
    await proxy.close();
    // It lists nothing and knows no container, for as long as it takes to load them.
    proxy.onCall = ({ path }) => {
      if (path.startsWith('/containers/json')) return { status: 200, json: [] };
      if (/^\/containers\/[0-9a-f]{64}\/json/.test(path))
        return { status: 404, message: 'No such container' };
      return 'pass';
    };
    await proxy.open();
    await eventually(
      () => rtm.log.lines.some(({ message }) => message.startsWith('the dispose brake is on')),
      { what: 'the brake' },
    );
    proxy.onCall = undefined;
    for (const [index, gameId] of games.entries()) {
      expect(await flow.rows.record(gameId)).to.include({
        status: 'running',
        current_container_id: ids[index],
      });
      expect(await containersOf(gameId)).to.have.length(1);
      expect(await eventsOf(gameId)).to.deep.equal(['container_started']);
    }
  });
});
