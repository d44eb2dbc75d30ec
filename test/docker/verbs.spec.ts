import { expect } from 'chai';
import { type DockerConnection, makeDockerConnection } from '../../lib/docker/connection.ts';
import { hasNetwork } from '../../lib/docker/find-network.ts';
import { inspectContainer } from '../../lib/docker/inspect-container.ts';
import { inspectImage } from '../../lib/docker/inspect-image.ts';
import { GAME_LABEL, OWNER_LABEL } from '../../lib/docker/labels.ts';
import { listGameContainers } from '../../lib/docker/list-containers.ts';
import { removeContainer } from '../../lib/docker/remove-container.ts';
import { disconnectEndpoint, startContainer } from '../../lib/docker/start-container.ts';
import { stopContainer } from '../../lib/docker/stop-container.ts';
import { failureOf, rejectionOf } from '../helpers/failure-of.ts';
import { type FakeDockerApi, makeFakeDockerApi } from '../helpers/fake-docker-api.ts';
import { actThenRefuse, answer, refuse } from '../helpers/fake-docker-scripts.ts';
import { type FakeDockerWorld, makeFakeDockerWorld } from '../helpers/fake-docker-world.ts';

const NETWORK = 'galaxy';
const ours = { [OWNER_LABEL]: 'rtmanager', [GAME_LABEL]: 'game-1' };

describe('one verb of Docker', () => {
  let api: FakeDockerApi;
  let world: FakeDockerWorld;
  let connection: DockerConnection;
  const signal = new AbortController().signal;

  beforeEach(async () => {
    api = await makeFakeDockerApi();
    world = makeFakeDockerWorld(api, NETWORK);
    connection = makeDockerConnection({ host: api.host });
  });
  afterEach(() => api.close());

  describe('listGameContainers', () => {
    const list = () => listGameContainers(connection, { gameId: 'game-1', network: NETWORK }, signal);

    it('asks for containers in any state by owner and game, and returns what decides', async () => {
      const running = world.put({ name: 'galaxy-game-game-1', labels: ours });
      const exited = world.put({ name: 'left-over', labels: ours, state: 'exited' });
      world.put({ name: 'other-game', labels: { ...ours, [GAME_LABEL]: 'game-2' } });
      const common = { labels: ours, networks: [NETWORK] };
      expect(await list()).to.deep.equal([
        { ...common, id: running.id, name: 'galaxy-game-game-1', running: true, state: 'running' },
        { ...common, id: exited.id, name: 'left-over', running: false, state: 'exited' },
      ]);
      const [request] = api.sent('GET /containers/json');
      expect(Object.keys(request?.query ?? {})).to.have.members(['all', 'filters']);
      expect(request?.query.all).to.equal('true');
      expect(JSON.parse(request?.query.filters ?? '')).to.deep.equal({
        label: ['com.galaxy.owner=rtmanager', 'com.galaxy.game_id=game-1'],
      });
    });

    it('looks at each again when Docker does not filter', async () => {
      const mine = world.put({ name: 'mine', labels: ours });
      world.put({ name: 'no labels', labels: {} });
      world.put({ name: 'labels left out', labels: null });
      world.put({ name: 'no owner', labels: { [GAME_LABEL]: 'game-1' } });
      world.put({ name: 'another owner', labels: { ...ours, [OWNER_LABEL]: 'somebody' } });
      world.put({ name: 'another game', labels: { ...ours, [GAME_LABEL]: 'game-2' } });
      world.put({ name: 'another network', labels: ours, networks: ['bridge'] });
      world.put({ name: 'no network', labels: ours, networks: [] });
      api.always('GET /containers/json', (exchange) => {
        exchange.send({ status: 200, body: allOf(world) });
      });
      expect((await list()).map((one) => one.id)).to.deep.equal([mine.id]);
    });

    for (const [state, running] of [
      ['running', true],
      ['paused', true],
      ['restarting', true],
      ['created', false],
      ['exited', false],
      ['removing', false],
      ['dead', false],
    ] as const) {
      it(`takes a container that is ${state} for ${running ? 'running' : 'not running'}`, async () => {
        world.put({ name: 'one', labels: ours });
        const [listed] = allOf(world);
        api.always('GET /containers/json', answer(200, [{ ...listed, State: state }]));
        expect((await list())[0]).to.include({ running, state });
      });
    }
  });

  describe('inspectContainer', () => {
    it('returns what decides, of a name and of an id', async () => {
      world.images.set('galaxy/engine:1.0.0', { id: 'sha256:1111' });
      const { id } = world.put({ name: 'one', labels: ours, state: 'exited' });
      const expected = {
        id,
        name: 'one',
        running: false,
        state: 'exited',
        labels: ours,
        networks: [NETWORK],
        exitCode: 0,
        startedAt: '2026-01-01T00:00:00.123456789Z',
        finishedAt: '2026-01-01T01:00:00.123456789Z',
        restartCount: 0,
        health: 'none',
        tty: false,
        oomKilled: false,
        image: 'galaxy/engine:1.0.0',
        imageId: 'sha256:1111',
        endedBeforeAt: null,
        autoRemove: false,
      };
      expect(await inspectContainer(connection, 'one', signal)).to.deep.equal(expected);
      expect(await inspectContainer(connection, id, signal)).to.deep.equal(expected);
    });

    it('returns null for one that is not there', async () => {
      expect(await inspectContainer(connection, 'nobody', signal)).to.equal(null);
    });

    it('copes with a container that has neither labels nor networks', async () => {
      world.put({ name: 'bare', labels: null, networks: [] });
      expect(await inspectContainer(connection, 'bare', signal)).to.include({ name: 'bare', running: true });
    });
  });

  describe('inspectImage', () => {
    it('returns the id of its content and its labels and user, of a tag and of a digest', async () => {
      const labels = { 'com.galaxy.memory': '64m' };
      for (const name of ['registry.example:5000/galaxy/engine:1.0.0', `engine@sha256:${'a'.repeat(64)}`]) {
        world.images.set(name, { id: 'sha256:aaaa', labels, user: 'engine' });
        expect(await inspectImage(connection, name, signal)).to.deep.include({
          id: 'sha256:aaaa',
          labels,
          user: 'engine',
        });
      }
    });

    it('copes with an image without labels', async () => {
      world.images.set('local:1', { id: 'sha256:aaaa' });
      expect(await inspectImage(connection, 'local:1', signal)).to.deep.include({
        id: 'sha256:aaaa',
        labels: {},
        user: '10001',
      });
    });

    it('returns null for one that is not there', async () => {
      expect(await inspectImage(connection, 'local:2', signal)).to.equal(null);
    });
  });

  describe('hasNetwork', () => {
    it('goes by the whole name, although Docker filters by a part of it', async () => {
      world.networks.add('galaxy-two').delete(NETWORK);
      expect(await hasNetwork(connection, NETWORK, signal)).to.equal(false);
      world.networks.add(NETWORK);
      expect(await hasNetwork(connection, NETWORK, signal)).to.equal(true);
      const [request] = api.sent('GET /networks');
      expect(request?.query).to.deep.equal({ filters: '{"name":["galaxy"]}' });
    });
  });

  describe('startContainer', () => {
    it('starts, and finds nothing wrong with one that runs already', async () => {
      const one = world.put({ name: 'one', state: 'created' });
      await startContainer(connection, one.id, signal);
      expect(one.state).to.equal('running');
      await startContainer(connection, one.id, signal);
    });

    for (const status of [403, 404, 409, 500]) {
      it(`passes Docker's ${status} on`, async () => {
        api.always('POST /containers/:id/start', refuse(status, 'driver failed'));
        expect(await rejectionOf(startContainer(connection, 'one', signal))).to.include({
          name: 'DockerStatusError',
          status,
          message: 'driver failed',
        });
      });
    }
  });

  describe('stopContainer', () => {
    const stop = (id: string) => stopContainer(connection, { id, graceSeconds: 30 }, signal);

    it('stops with the grace period in the query, and finds nothing wrong with one that is stopped', async () => {
      const one = world.put({ name: 'one' });
      expect(await stop(one.id)).to.equal('stopped');
      expect(one.state).to.equal('exited');
      expect(await stop(one.id)).to.equal('was not running');
      expect(api.sent('POST /containers/:id/stop')[0]?.query).to.deep.equal({ t: '30' });
    });

    it('tells that there is none any more', async () => {
      expect(await stop('nobody')).to.equal('gone');
    });

    it('passes any other refusal on, such as that of a process that can not be killed (failure mode 9)', async () => {
      api.always(
        'POST /containers/:id/stop',
        refuse(500, 'tried to kill container, but did not receive an exit'),
      );
      const { id } = world.put({ name: 'one' });
      expect(await rejectionOf(stop(id))).to.include({ status: 500 });
      expect(api.sent('POST /containers/:id/stop')).to.have.length(1);
    });

    it('goes by the container where Docker calls it an error although it was done (failure mode 7)', async () => {
      api.always('POST /containers/:id/stop', actThenRefuse(500, 'context canceled'));
      const { id } = world.put({ name: 'one' });
      expect(await stop(id)).to.equal('stopped');
      expect(await stop('nobody')).to.equal('gone');
    });

    it('does not know what became of it where that can not be seen: docker_unavailable (failure mode 7)', async () => {
      api.always('POST /containers/:id/stop', actThenRefuse(500, 'context canceled'));
      api.always('GET /containers/:id/json', refuse(500, 'database is locked'));
      const { id } = world.put({ name: 'one' });
      expect((await failureOf(stop(id))).code).to.equal('docker_unavailable');
    });
  });

  describe('removeContainer', () => {
    it('removes with force and volumes, and finds nothing wrong with one that is gone', async () => {
      const { id } = world.put({ name: 'one' });
      await removeContainer(connection, id, signal);
      expect(world.containers).to.have.property('size', 0);
      await removeContainer(connection, id, signal);
      expect(api.sent('DELETE /containers/:id')[0]?.query).to.deep.equal({ force: 'true', v: 'true' });
    });

    it('waits for somebody else who is removing it (failure mode 8)', async () => {
      const { id } = world.put({ name: 'one' });
      let looks = 0;
      api.always('DELETE /containers/:id', refuse(409, `removal of container ${id} is already in progress`));
      api.always('GET /containers/:id/json', (exchange) => {
        looks += 1;
        if (looks === 3) world.containers.delete(id);
        exchange.send(exchange.act());
      });
      await removeContainer(connection, id, signal);
      expect(world.containers).to.have.property('size', 0);
      expect(looks).to.equal(3);
    });

    it('passes a refusal on', async () => {
      api.always('DELETE /containers/:id', refuse(500, 'device or resource busy'));
      const { id } = world.put({ name: 'one' });
      expect(await rejectionOf(removeContainer(connection, id, signal))).to.include({ status: 500 });
    });

    it('finds nothing wrong with one that is gone although Docker called it an error (failure mode 7)', async () => {
      api.always('DELETE /containers/:id', actThenRefuse(500, 'context canceled'));
      const { id } = world.put({ name: 'one' });
      await removeContainer(connection, id, signal);
      expect(world.containers).to.have.property('size', 0);
    });
  });

  describe('disconnectEndpoint', () => {
    const disconnect = () =>
      disconnectEndpoint(connection, { network: NETWORK, container: 'galaxy-game-game-1' }, signal);

    it('disconnects the name by force', async () => {
      await disconnect();
      const [request] = api.sent('POST /networks/:name/disconnect');
      expect(request).to.deep.include({ params: [NETWORK], query: {} });
      expect(request?.body).to.deep.equal({ Container: 'galaxy-game-game-1', Force: true });
    });

    it('finds nothing wrong with a name that is not there, and passes any other refusal on', async () => {
      api.script('POST /networks/:name/disconnect', refuse(404, 'no such container'), refuse(500, 'no'));
      await disconnect();
      expect(await rejectionOf(disconnect())).to.include({ status: 500 });
    });
  });

  describe('a look', () => {
    const looks = {
      listGameContainers: () =>
        listGameContainers(connection, { gameId: 'game-1', network: NETWORK }, signal),
      inspectContainer: () => inspectContainer(connection, 'one', signal),
      inspectImage: () => inspectImage(connection, 'local:1', signal),
      hasNetwork: () => hasNetwork(connection, NETWORK, signal),
    };
    const everywhere = (script: ReturnType<typeof answer>) => {
      for (const route of [
        'GET /containers/json',
        'GET /containers/:id/json',
        'GET /images/:name*/json',
        'GET /networks',
      ]) {
        api.always(route, script);
      }
    };

    for (const [verb, look] of Object.entries(looks)) {
      for (const body of ['', '[{"Id":', '<html>proxy error</html>']) {
        it(`takes ${JSON.stringify(body)} for no answer, not for nothing: ${verb}`, async () => {
          everywhere(answer(200, body));
          expect((await failureOf(look())).code).to.equal('docker_unavailable');
        });
      }

      for (const status of [500, 503]) {
        it(`takes a ${status} for trouble that passes: ${verb}`, async () => {
          everywhere(refuse(status, 'layer does not exist'));
          const error = await failureOf(look());
          expect(error.code).to.equal('docker_unavailable');
          expect(error.message).to.include('layer does not exist');
        });
      }
    }
  });
});

/** The containers as `GET /containers/json` would list them without any filter. */
function allOf(world: FakeDockerWorld) {
  return [...world.containers.values()].map((one) => ({
    Id: one.id,
    Names: [`/${one.name}`],
    State: one.state,
    Labels: one.labels,
    NetworkSettings: { Networks: Object.fromEntries(one.networks.map((name) => [name, {}])) },
  }));
}
