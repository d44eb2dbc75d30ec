import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { makeDockerConnection } from '../../lib/docker/connection.ts';
import { type ImageStore, makeImageStore, type PullPolicy } from '../../lib/docker/image-store.ts';
import { parseImageRef } from '../../lib/image-ref.ts';
import { makeRegistryAuth } from '../../lib/registry-auth.ts';
import { RegistryCredentials } from '../../lib/registry-credentials.ts';
import { eventually } from '../helpers/eventually.ts';
import { failureOf, rejectionOf } from '../helpers/failure-of.ts';
import { type FakeDockerApi, makeFakeDockerApi } from '../helpers/fake-docker-api.ts';
import { answer, heldUntil, refuse, stream } from '../helpers/fake-docker-scripts.ts';
import { type FakeDockerWorld, makeFakeDockerWorld } from '../helpers/fake-docker-world.ts';

const PULL = 'POST /images/create';
const ref = parseImageRef('registry.example/galaxy/engine:1.0.0');
const image = { id: 'sha256:1111', labels: { 'com.galaxy.memory': '64m' }, user: '10001' };
const found = { ...image, healthcheck: null };

describe('the image store', () => {
  let api: FakeDockerApi;
  let world: FakeDockerWorld;
  const quiet = () => new AbortController().signal;
  const atOnce = <T>(work: () => Promise<T>) => work();

  const makeStore = (
    policy: PullPolicy,
    { parallelPulls = 3, registryAuth = makeRegistryAuth(undefined) } = {},
  ): ImageStore =>
    makeImageStore(makeDockerConnection({ host: api.host }), {
      policy,
      pullTimeoutMs: 60_000,
      parallelPulls,
      registryAuth,
    });
  const pulls = () => api.sent(PULL).length;
  /** Holds every pull back until it is opened. */
  const closeGate = (): (() => void) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    api.always(PULL, heldUntil(promise));
    return resolve;
  };

  beforeEach(async () => {
    api = await makeFakeDockerApi();
    world = makeFakeDockerWorld(api, 'galaxy');
    world.registry.set(ref.canonical, image);
  });
  afterEach(() => api.close());

  describe('by its policy', () => {
    for (const [policy, present, sent] of [
      ['if_missing', true, 0],
      ['if_missing', false, 1],
      ['always', true, 1],
      ['always', false, 1],
      ['never', true, 0],
    ] as const) {
      it(`"${policy}" pulls ${sent} times when the image is ${present ? 'there' : 'missing'}`, async () => {
        if (present) world.images.set(ref.canonical, image);
        expect(await makeStore(policy).ensure(ref, atOnce, quiet())).to.deep.equal(found);
        expect(pulls()).to.equal(sent);
      });
    }

    it('"never" refuses a missing image and pulls nothing, not even to refresh', async () => {
      const store = makeStore('never');
      for (const verb of ['ensure', 'refresh'] as const) {
        const error = await failureOf(store[verb](ref, atOnce, quiet()));
        expect(error.code).to.equal('image_pull_failed');
        expect(error.message).to.include('RTMANAGER_IMAGE_PULL_POLICY=never');
      }
      expect(pulls()).to.equal(0);
    });

    it('"always" does not start an old image when the registry says no (failure mode 13)', async () => {
      world.images.set(ref.canonical, image);
      api.always(PULL, refuse(500, 'registry is down'));
      const error = await failureOf(makeStore('always').ensure(ref, atOnce, quiet()));
      expect(error).to.include({ code: 'image_pull_failed' });
    });

    it('"if_missing" pulls what is there all the same when it is to be refreshed (failure mode 13)', async () => {
      world.images.set(ref.canonical, image);
      await makeStore('if_missing').refresh(ref, atOnce, quiet());
      expect(pulls()).to.equal(1);
    });
  });

  it('waits only for a pull, never for a look', async () => {
    let waits = 0;
    const waiting = <T>(work: () => Promise<T>) => {
      waits += 1;
      return work();
    };
    const store = makeStore('if_missing');
    await store.ensure(ref, waiting, quiet());
    expect(waits).to.equal(1);
    await store.ensure(ref, waiting, quiet());
    expect(waits).to.equal(1);
  });

  describe('after a pull', () => {
    it('fails when Docker has no such image, whatever the progress said (failure mode 5)', async () => {
      api.always(PULL, answer(200, '{"status":"Download complete"}\r\n'));
      expect(await failureOf(makeStore('if_missing').ensure(ref, atOnce, quiet()))).to.include({
        code: 'image_pull_failed',
        message: `Pull of ${ref.text} ended, but Docker has no such image`,
      });
    });

    it('takes the image that is there for the answer when lines were no JSON (failure mode 5)', async () => {
      api.always(PULL, stream('%%%', '{"status":'));
      expect(await makeStore('if_missing').ensure(ref, atOnce, quiet())).to.deep.equal(found);
    });

    it('tells of the image that came, not of the one that was there before (failure mode 13)', async () => {
      world.images.set(ref.canonical, { id: 'sha256:0000' });
      expect(await makeStore('always').ensure(ref, atOnce, quiet())).to.deep.equal(found);
    });
  });

  describe('with several callers (failure mode 14)', () => {
    it('shares one look and one pull', async () => {
      const open = closeGate();
      const store = makeStore('if_missing');
      const all = Array.from({ length: 5 }, () => store.ensure(ref, atOnce, quiet()));
      await eventually(() => pulls() === 1, { what: 'the pull' });
      expect(api.sent('GET /images/:name*/json')).to.have.length(1);
      open();
      for (const one of await Promise.all(all)) expect(one).to.deep.equal(found);
      expect(pulls()).to.equal(1);
    });

    it('goes on for those who stay, and tells the one who leaves its own reason', async () => {
      const open = closeGate();
      const store = makeStore('always');
      const leaver = new AbortController();
      const leaves = rejectionOf(store.ensure(ref, atOnce, leaver.signal));
      const stays = store.ensure(ref, atOnce, quiet());
      await eventually(() => pulls() === 1, { what: 'the pull' });
      const reason = new Error('the lease is over');
      leaver.abort(reason);
      expect(await leaves).to.equal(reason);
      open();
      expect(await stays).to.deep.equal(found);
      expect(pulls()).to.equal(1);
    });

    it('gives the pull up when nobody is left, and begins a new one for whoever comes then', async () => {
      let givenUp = false;
      api.script(PULL, ({ response }) => {
        response.once('close', () => {
          givenUp = true;
        });
      });
      const store = makeStore('always');
      const leaver = new AbortController();
      const left = rejectionOf(store.ensure(ref, atOnce, leaver.signal));
      await eventually(() => pulls() === 1, { what: 'the pull' });
      leaver.abort(new Error('gone'));
      await left;
      await eventually(() => givenUp, { what: 'the pull to be given up' });
      expect(await store.ensure(ref, atOnce, quiet())).to.deep.equal(found);
      expect(pulls()).to.equal(2);
    });

    it('tells the first cause to each of them, and asks anew next time', async () => {
      api.script(PULL, refuse(500, 'toomanyrequests: slow down'));
      const store = makeStore('always');
      const both = [1, 2].map(() => failureOf(store.ensure(ref, atOnce, quiet())));
      for (const error of await Promise.all(both)) {
        expect(error.message).to.equal(`Pull of ${ref.canonical} failed: toomanyrequests: slow down`);
      }
      expect(await store.ensure(ref, atOnce, quiet())).to.deep.equal(found);
    });

    it('shares nothing between two credentials', async () => {
      const open = closeGate();
      let asked = 0;
      const registryAuth = {
        credentialsFor: async (registry: string) => {
          asked += 1;
          return new RegistryCredentials(registry, {
            username: `robot-${asked}`,
            password: 'secret',
            serveraddress: registry,
          });
        },
      };
      const store = makeStore('always', { registryAuth });
      const both = [store.ensure(ref, atOnce, quiet()), store.ensure(ref, atOnce, quiet())];
      await eventually(() => pulls() === 2, { what: 'two pulls' });
      open();
      await Promise.all(both);
    });
  });

  describe('with many images', () => {
    const refs = (registry: string, count: number) =>
      Array.from({ length: count }, (_, index) => parseImageRef(`${registry}/engine:1.0.${index}`));

    beforeEach(() => {
      for (const one of [...refs('slow.example', 6), ...refs('quick.example', 2)]) {
        world.registry.set(one.canonical, image);
      }
    });

    it('pulls no more than so many at once from one registry, and another one does not wait (failure mode 14)', async () => {
      const { promise, resolve: open } = Promise.withResolvers<void>();
      let pulling = 0;
      let most = 0;
      api.always(PULL, async (exchange) => {
        const isSlow = String(exchange.request.query.fromImage).startsWith('slow');
        if (isSlow) {
          pulling += 1;
          most = Math.max(most, pulling);
          await promise;
          pulling -= 1;
        }
        exchange.send(exchange.act());
      });
      const store = makeStore('always', { parallelPulls: 2 });
      const slow = refs('slow.example', 6).map((one) => store.ensure(one, atOnce, quiet()));
      await eventually(() => pulling === 2, { what: 'two pulls at once' });
      await Promise.all(refs('quick.example', 2).map((one) => store.ensure(one, atOnce, quiet())));
      open();
      await Promise.all(slow);
      expect(most).to.equal(2);
    });

    it('lets a caller leave who waits for its turn, without a pull', async () => {
      const open = closeGate();
      const store = makeStore('always', { parallelPulls: 1 });
      const [first, second] = refs('slow.example', 2);
      if (!first || !second) throw new Error('two references are needed');
      const pulled = store.ensure(first, atOnce, quiet());
      await eventually(() => pulls() === 1, { what: 'the first pull' });
      const leaver = new AbortController();
      const left = rejectionOf(store.ensure(second, atOnce, leaver.signal));
      leaver.abort(new Error('gone'));
      expect((await left).message).to.equal('gone');
      open();
      await pulled;
      expect(pulls()).to.equal(1);
    });
  });

  describe('with credentials in a file', () => {
    let directory: string;
    let file: string;
    before(async () => {
      directory = await mkdtemp(path.join(tmpdir(), 'rtm-auth-'));
      file = path.join(directory, 'config.json');
      const auth = Buffer.from('robot:secret').toString('base64');
      await writeFile(file, JSON.stringify({ auths: { 'registry.example': { auth } } }));
    });
    after(() => rm(directory, { recursive: true }));

    it('sends them to the host that they belong to, and to no look-alike (failure mode 15)', async () => {
      const store = makeStore('always', { registryAuth: makeRegistryAuth(file) });
      await store.ensure(ref, atOnce, quiet());
      expect(api.sent(PULL).at(-1)?.headers).to.have.property('x-registry-auth');
      for (const host of [
        'registry.example.evil.net',
        'registry.example:5000',
        'my-registry.example',
        'example',
      ]) {
        const other = parseImageRef(`${host}/galaxy/engine:1.0.0`);
        world.registry.set(other.canonical, image);
        await store.ensure(other, atOnce, quiet());
        expect(api.sent(PULL).at(-1)?.headers, host).not.to.have.property('x-registry-auth');
      }
    });
  });
});
