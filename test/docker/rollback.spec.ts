import { expect } from 'chai';
import { createAndStart } from '../../lib/docker/create-and-start.ts';
import { ERROR_RULES } from '../../lib/errors.ts';
import { LeaseLostError, ShutdownError } from '../../lib/lease.ts';
import { type FakeAttempt, labelsOf, makeFakeAttempt, NAME, REQUEST, SPEC } from '../helpers/attempt.ts';
import { failureOf, rejectionOf } from '../helpers/failure-of.ts';
import {
  actThenDrop,
  actThenHang,
  cutOff,
  drop,
  hang,
  refuse,
  type Script,
} from '../helpers/fake-docker-scripts.ts';

const CREATE = 'POST /containers/create';
const START = 'POST /containers/:id/start';
const REMOVE = 'DELETE /containers/:id';
const INSPECT = 'GET /containers/:id/json';

/** Deadlines of 0.2 s for a look and 1.2 s for an act. */
const HASTENED = 50;

describe('createAndStart, when Docker goes wrong', () => {
  let attempt: FakeAttempt;
  const run = () => createAndStart(attempt.docker, REQUEST, SPEC);
  const containers = () => [...attempt.world.containers.values()];

  beforeEach(async () => {
    attempt = await makeFakeAttempt({ hastened: HASTENED });
  });
  afterEach(() => attempt.close());

  describe('does the work and loses the answer (failure mode 7)', () => {
    const lost: readonly [how: string, script: Script][] = [
      ['drops the connection', actThenDrop()],
      ['never answers', actThenHang()],
      [
        'breaks off inside the answer',
        (exchange) => {
          exchange.act();
          return cutOff(201, '{"Id":"c0ff')(exchange);
        },
      ],
      [
        'answers with nonsense',
        (exchange) => {
          exchange.act();
          exchange.send({ status: 201, body: '<html>' });
        },
      ],
      [
        'answers 500',
        (exchange) => {
          exchange.act();
          exchange.send({ status: 500, body: { message: 'context deadline exceeded' } });
        },
      ],
    ];
    for (const [how, script] of lost) {
      it(`of the create, and ${how}: finds the container by name and operation, and removes it`, async () => {
        attempt.api.script(CREATE, script);
        const error = await failureOf(run());
        expect(error.rollbackPending).to.equal(false);
        expect(error.code).to.equal(how === 'answers 500' ? 'container_start_failed' : 'docker_unavailable');
        expect(containers()).to.deep.equal([]);
        expect(attempt.api.sent(START)).to.deep.equal([]);
      });
    }

    for (const [how, script] of [
      ['drops the connection', actThenDrop()],
      ['never answers', actThenHang()],
    ] as const) {
      it(`of the start, and ${how}: removes the container, running or not`, async () => {
        attempt.api.script(START, script);
        expect(await failureOf(run())).to.include({ code: 'docker_unavailable', rollbackPending: false });
        expect(containers()).to.deep.equal([]);
      });
    }

    it('removes nothing that another operation created under the name', async () => {
      const { id } = attempt.world.put({ name: NAME, labels: labelsOf('operation-2'), state: 'running' });
      attempt.api.always(CREATE, drop());
      expect(await failureOf(run())).to.include({ code: 'docker_unavailable', rollbackPending: true });
      expect(containers().map((one) => one.id)).to.deep.equal([id]);
    });

    it('and does it only after everybody has looked: the operation is not over, and the next attempt meets it', async () => {
      const late: (() => void)[] = [];
      attempt.api.script(CREATE, (exchange) => {
        late.push(() => exchange.act());
        exchange.response.socket?.destroy();
      });
      expect(await failureOf(run())).to.include({ code: 'docker_unavailable', rollbackPending: true });
      for (const create of late) create();
      const { containerId, created } = await run();
      expect(created).to.equal(true);
      expect(containers().map((one) => [one.id, one.state])).to.deep.equal([[containerId, 'running']]);
    });
  });

  describe('can not be asked to take it back', () => {
    const deaf: readonly [how: string, route: string, script: Script][] = [
      ['does not answer to the look', INSPECT, hang()],
      ['drops the look', INSPECT, drop()],
      ['fails at the look', INSPECT, refuse(500, 'no')],
      ['does not answer to the removal', REMOVE, hang()],
      ['refuses the removal', REMOVE, refuse(500, 'device or resource busy')],
    ];
    for (const [how, route, script] of deaf) {
      it(`and ${how}: the operation is not over before somebody has looked`, async () => {
        attempt.api.always(START, refuse(500, 'no such device'));
        attempt.api.always(route, script);
        const error = await failureOf(run());
        expect(error).to.include({ code: 'docker_unavailable', rollbackPending: true });
        expect(ERROR_RULES[error.code].retry).to.equal(true);
        expect(error.message, 'the first cause').to.include('no such device');
      });
    }

    it('the next attempt finds what was left, and ends with one container', async () => {
      attempt.api.script(CREATE, actThenDrop());
      attempt.api.script(INSPECT, drop());
      expect(await failureOf(run())).to.include({ rollbackPending: true });
      expect(containers()).to.have.length(1);
      const { containerId, created } = await run();
      expect(created).to.equal(true);
      expect(containers()).to.deep.include({ ...containers()[0], id: containerId, state: 'running' });
      expect(containers()).to.have.length(1);
    });
  });

  describe('loses its lease between create and start (failure mode 19)', () => {
    for (const [how, end, kind] of [
      ['by the signal', (one: FakeAttempt) => one.lease.lose(), LeaseLostError],
      ['by the clock', (one: FakeAttempt) => one.lease.runOut(), LeaseLostError],
      ['to a shutdown', (one: FakeAttempt) => one.lease.shutDown(), ShutdownError],
    ] as const) {
      it(`${how}: sends no start, removes nothing, and leaves the container to the next attempt`, async () => {
        attempt.api.script(CREATE, (exchange) => {
          const created = exchange.act();
          end(attempt);
          exchange.send(created);
        });
        expect(await rejectionOf(run())).to.be.an.instanceOf(kind);
        expect(containers()).to.have.length(1);
        expect(containers()[0]).to.include({ name: NAME, state: 'created' });
        expect(attempt.api.sent(START)).to.deep.equal([]);
        expect(attempt.api.sent(REMOVE)).to.deep.equal([]);
      });
    }

    it('while the failure is being taken back: removes nothing any more', async () => {
      attempt.api.always(START, (exchange) => {
        attempt.lease.runOut();
        exchange.send({ status: 500, body: { message: 'no' } });
      });
      expect(await failureOf(run())).to.include({ code: 'docker_unavailable', rollbackPending: true });
      expect(containers()).to.have.length(1);
      expect(attempt.api.sent(REMOVE)).to.deep.equal([]);
    });
  });
});
