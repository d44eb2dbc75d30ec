import { expect } from 'chai';
import { createAndStart } from '../../lib/docker/create-and-start.ts';
import { GAME_LABEL, OWNER_LABEL } from '../../lib/docker/labels.ts';
import {
  type FakeAttempt,
  labelsOf,
  makeFakeAttempt,
  NAME,
  NETWORK,
  REQUEST,
  SPEC,
} from '../helpers/attempt.ts';
import { failureOf } from '../helpers/failure-of.ts';
import { answer, refuse } from '../helpers/fake-docker-scripts.ts';

const CREATE = 'POST /containers/create';
const START = 'POST /containers/:id/start';
const REMOVE = 'DELETE /containers/:id';
const DISCONNECT = 'POST /networks/:name/disconnect';

describe('createAndStart', () => {
  let attempt: FakeAttempt;
  const run = () => createAndStart(attempt.docker, REQUEST, SPEC);
  const verbs = () =>
    attempt.api.requests
      .filter(({ method, path }) => method !== 'GET' || path.startsWith('/containers/'))
      .map(({ method, path }) => `${method} ${path.replace(/c0ffee\w+/, '{id}').replace(NAME, '{name}')}`);

  beforeEach(async () => {
    attempt = await makeFakeAttempt();
  });
  afterEach(() => attempt.close());

  it('creates and starts with one request each', async () => {
    const { containerId, created } = await run();
    expect(created).to.equal(true);
    expect(attempt.world.containers.get(containerId)).to.include({ name: NAME, state: 'running' });
    expect(verbs()).to.deep.equal(['POST /containers/create', 'POST /containers/{id}/start']);
  });

  describe('finds the name taken (failure mode 8)', () => {
    const alone = () => {
      expect(attempt.world.containers).to.have.property('size', 1);
      return [...attempt.world.containers.values()][0];
    };

    for (const [who, labels, networks] of [
      ['somebody without labels', {}, [NETWORK]],
      ['another owner', { ...labelsOf('operation-0'), [OWNER_LABEL]: 'compose' }, [NETWORK]],
      ['another game', { ...labelsOf('operation-0'), [GAME_LABEL]: 'game-2' }, [NETWORK]],
      ['a Runtime Manager of another network', labelsOf('operation-0'), ['another']],
    ] as const) {
      for (const state of ['running', 'exited'] as const) {
        it(`by ${who}, ${state}: fails and leaves it untouched`, async () => {
          const foreign = attempt.world.put({ name: NAME, labels, networks, state });
          const error = await failureOf(run());
          expect(error).to.include({ code: 'container_start_failed', rollbackPending: false });
          expect(error.message).to.include(NAME).and.include('left untouched');
          expect(alone()).to.deep.equal({ ...foreign, state });
          expect(attempt.api.sent(REMOVE)).to.deep.equal([]);
        });
      }
    }

    it('by ours that runs the same image: takes it over and did not create it', async () => {
      const { id } = attempt.world.put({ name: NAME, labels: labelsOf('operation-0') });
      expect(await run()).to.deep.equal({ containerId: id, created: false });
      expect(attempt.api.sent(START)).to.deep.equal([]);
    });

    it('by ours that runs the same image in another spelling: takes it over', async () => {
      const labels = labelsOf('operation-0', 'docker.io/galaxy/engine:1.0.0');
      const { id } = attempt.world.put({ name: NAME, labels });
      expect(await run()).to.deep.equal({ containerId: id, created: false });
    });

    it('by what an earlier attempt of this operation started: takes it over as created here', async () => {
      const { id } = attempt.world.put({ name: NAME, labels: labelsOf('operation-1') });
      expect(await run()).to.deep.equal({ containerId: id, created: true });
    });

    it('by ours that runs another image: a conflict, and it stays', async () => {
      const labels = labelsOf('operation-0', 'galaxy/engine:2.0.0');
      const { id } = attempt.world.put({ name: NAME, labels });
      const error = await failureOf(run());
      expect(error).to.include({ code: 'conflict', rollbackPending: false });
      expect(error.message).to.include('galaxy/engine:2.0.0').and.include('galaxy/engine:1.0.0');
      expect(alone()).to.include({ id, state: 'running' });
    });

    for (const state of ['exited', 'created'] as const) {
      it(`by ours that is ${state}: removes it by its id and creates anew`, async () => {
        const { id } = attempt.world.put({ name: NAME, labels: labelsOf('operation-0'), state });
        const { containerId, created } = await run();
        expect(created).to.equal(true);
        expect(containerId).not.to.equal(id);
        expect(alone()).to.include({ id: containerId, state: 'running' });
        expect(attempt.api.sent(REMOVE).map((request) => request.params)).to.deep.equal([[id]]);
      });
    }

    it('by nobody whom it can find, for a moment: tries again', async () => {
      attempt.api.script(CREATE, refuse(409, 'the name is in use'), refuse(409, 'the name is in use'));
      expect((await run()).created).to.equal(true);
      expect(attempt.api.sent(CREATE)).to.have.length(3);
    });

    it('by nobody whom it can find, for ever: gives up after a few tries', async () => {
      attempt.api.always(CREATE, refuse(409, `The name ${NAME} is in use by container c0ffee`));
      const error = await failureOf(run());
      expect(error).to.include({ code: 'container_start_failed', rollbackPending: false });
      expect(error.message).to.include('is in use by container c0ffee');
      expect(attempt.api.sent(CREATE).length).to.be.within(2, 10);
    });
  });

  describe('does not find the image any more (failure mode 13)', () => {
    it('says so in a way that is worth one more pull, and leaves nothing', async () => {
      attempt.world.images.clear();
      const error = await failureOf(run());
      expect(error).to.include({ name: 'RuntimeError', code: 'image_pull_failed' });
      expect(error.constructor.name).to.equal('ImageVanishedError');
      expect(attempt.world.containers).to.have.property('size', 0);
    });

    it('tells a network that is gone from an image that is gone', async () => {
      attempt.world.networks.clear();
      attempt.api.always(CREATE, refuse(404, `network ${NETWORK} not found`));
      const error = await failureOf(run());
      expect(error).to.include({ code: 'start_config_invalid', rollbackPending: false });
      expect(error.message).to.include(`"${NETWORK}"`);
    });
  });

  describe('is refused the start', () => {
    it('by a network that vanished after the create: removes what it created', async () => {
      attempt.api.script(CREATE, (exchange) => {
        const created = exchange.act();
        attempt.world.networks.clear();
        exchange.send(created);
      });
      expect(await failureOf(run())).to.include({ code: 'start_config_invalid', rollbackPending: false });
      expect(attempt.world.containers).to.have.property('size', 0);
    });

    it('by an endpoint that a dead container left: disconnects it by force and tries once more (failure mode 16)', async () => {
      attempt.api.script(START, refuse(403, `endpoint with name ${NAME} already exists in network galaxy`));
      const { containerId } = await run();
      expect(attempt.world.containers.get(containerId)).to.include({ state: 'running' });
      expect(verbs()).to.deep.equal([
        'POST /containers/create',
        'POST /containers/{id}/start',
        'POST /networks/galaxy/disconnect',
        'POST /containers/{id}/start',
      ]);
      expect(attempt.api.sent(DISCONNECT)[0]?.body).to.deep.equal({ Container: NAME, Force: true });
    });

    it('by an endpoint that can not be freed: fails after that one try (failure mode 16)', async () => {
      attempt.api.always(START, refuse(403, `endpoint with name ${NAME} already exists in network galaxy`));
      const error = await failureOf(run());
      expect(error).to.include({ code: 'container_start_failed', rollbackPending: false });
      expect(error.message).to.include('endpoint with name');
      expect(attempt.api.sent(START)).to.have.length(2);
      expect(attempt.api.sent(DISCONNECT)).to.have.length(1);
      expect(attempt.world.containers).to.have.property('size', 0);
    });

    it('and tells the first cause when the disconnect itself fails', async () => {
      attempt.api.always(START, refuse(403, 'endpoint already exists'));
      attempt.api.always(DISCONNECT, refuse(500, 'network is busy'));
      const error = await failureOf(run());
      expect(error).to.include({ code: 'container_start_failed', rollbackPending: false });
      expect(attempt.world.containers).to.have.property('size', 0);
    });

    for (const [status, said] of [
      [400, 'OCI runtime create failed: no such file'],
      [404, 'exec: "node": not found'],
      [500, 'driver failed programming external connectivity'],
    ] as const) {
      it(`with a ${status}: removes what it created and tells Docker's words`, async () => {
        attempt.api.always(START, refuse(status, said));
        const error = await failureOf(run());
        expect(error).to.include({ code: 'container_start_failed', rollbackPending: false });
        expect(error.message).to.include(said);
        expect(attempt.world.containers).to.have.property('size', 0);
      });
    }
  });

  for (const status of [400, 500]) {
    it(`is refused the create with a ${status}: tells Docker's words`, async () => {
      attempt.api.always(CREATE, refuse(status, 'invalid log driver'));
      const error = await failureOf(run());
      expect(error).to.include({ code: 'container_start_failed', rollbackPending: false });
      expect(error.message).to.include('invalid log driver');
    });
  }

  it('takes 304 at the start for a container that runs', async () => {
    attempt.api.always(START, answer(304));
    expect((await run()).created).to.equal(true);
  });
});
