import { expect } from 'chai';
import type { AttemptDocker } from '../../lib/docker/docker.ts';
import { LeaseLostError } from '../../lib/lease.ts';
import { type FakeAttempt, IMAGE, makeFakeAttempt, SPEC } from '../helpers/attempt.ts';
import { eventually } from '../helpers/eventually.ts';
import { rejectionOf } from '../helpers/failure-of.ts';
import { heldUntil } from '../helpers/fake-docker-scripts.ts';

const irreversible: Readonly<Record<string, (docker: AttemptDocker) => Promise<unknown>>> = {
  create: (docker) => docker.create(SPEC),
  start: (docker) => docker.start('c0ffee'),
  stop: (docker) => docker.stop('c0ffee', 30),
  remove: (docker) => docker.remove('c0ffee'),
  disconnectEndpoint: (docker) => docker.disconnectEndpoint(SPEC.name),
  'undo.remove': (docker) => docker.undo.remove('c0ffee'),
};

describe('Docker, for one attempt (failure mode 19)', () => {
  let attempt: FakeAttempt;
  beforeEach(async () => {
    attempt = await makeFakeAttempt();
    attempt.world.put({ name: SPEC.name, id: 'c0ffee' });
  });
  afterEach(() => attempt.close());

  const acts = () => attempt.api.requests.filter((request) => request.method !== 'GET');

  for (const [verb, act] of Object.entries(irreversible)) {
    it(`sends no ${verb} once the lease has run out by the clock`, async () => {
      attempt.lease.runOut();
      expect(await rejectionOf(act(attempt.docker))).to.be.an.instanceOf(LeaseLostError);
      expect(acts()).to.deep.equal([]);
    });

    it(`sends no ${verb} once the lease is lost`, async () => {
      attempt.lease.lose();
      expect(await rejectionOf(act(attempt.docker))).to.be.an.instanceOf(LeaseLostError);
      expect(acts()).to.deep.equal([]);
    });

    it(`sends no ${verb} when the lease runs out while the daemon is asked for its version`, async () => {
      const { promise, resolve } = Promise.withResolvers<void>();
      attempt.api.always('GET /version', heldUntil(promise));
      const acting = rejectionOf(act(attempt.docker));
      await eventually(() => attempt.api.sent('GET /version').length === 1, {
        what: 'the version to be asked for',
      });
      attempt.lease.runOut();
      resolve();
      expect(await acting).to.be.an.instanceOf(LeaseLostError);
      expect(acts()).to.deep.equal([]);
    });
  }

  it('may look as long as nobody has told it to stop', async () => {
    attempt.lease.runOut();
    expect(await attempt.docker.inspect('c0ffee')).to.include({ id: 'c0ffee' });
    expect(await attempt.docker.hasNetwork()).to.equal(true);
    expect(await attempt.docker.ensureImage(IMAGE)).to.include({ id: 'sha256:1111' });
  });

  it('can still look at what is to be taken back when the attempt was told to stop', async () => {
    attempt.lease.shutDown();
    expect(await attempt.docker.undo.inspect('c0ffee')).to.include({ id: 'c0ffee' });
  });
});

describe('the limit on parallel starts (failure mode 18)', () => {
  it('lets so many work at once, the next in the order of their coming, and one that waits may leave', async () => {
    const attempt = await makeFakeAttempt({ parallelStarts: 2 });
    try {
      const order: number[] = [];
      const gates = Array.from({ length: 4 }, () => Promise.withResolvers<void>());
      const works = gates.map((gate, index) =>
        attempt.docker.underStartLimit(async () => {
          order.push(index);
          await gate.promise;
        }),
      );
      await eventually(() => order.length === 2, { what: 'two at once' });
      gates[1]?.resolve();
      await eventually(() => order.length === 3, { what: 'the third' });
      const left = rejectionOf(works[3] ?? Promise.resolve());
      attempt.lease.lose();
      expect(await left).to.be.an.instanceOf(LeaseLostError);
      for (const gate of gates) gate.resolve();
      await Promise.all(works.slice(0, 3));
      expect(order).to.deep.equal([0, 1, 2]);
    } finally {
      await attempt.close();
    }
  });
});
