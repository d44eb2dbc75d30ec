import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { containersOf } from '../helpers/containers.ts';
import {
  type DockerCall,
  type DockerProxy,
  isCreate,
  isPull,
  makeDockerProxy,
} from '../helpers/docker-proxy.ts';
import { assertStartFails } from '../helpers/failed-start.ts';
import { type FakeRegistry, makeFakeRegistry } from '../helpers/fake-registry.ts';
import { type Flow, makeFlow, newGame } from '../helpers/flow.ts';
import { startRtm } from '../helpers/rtm.ts';
import { removeImage } from '../helpers/tiny-image.ts';

describe('image pulls', () => {
  let flow: Flow;
  let docker: DockerProxy;
  let registry: FakeRegistry;
  const pulled: string[] = [];

  before(async () => {
    flow = await makeFlow();
    docker = await makeDockerProxy();
    registry = await makeFakeRegistry();
  });
  afterEach(() => {
    docker.onCall = undefined;
  });
  after(async () => {
    await flow?.destroy();
    await docker?.destroy();
    await registry?.close();
    for (const imageRef of pulled) await removeImage(imageRef);
  });

  /** The reference of an image that Docker does not have yet. */
  function engineOf({ host }: FakeRegistry): string {
    const imageRef = `${host}/engines/${newGame()}:1.0.0`;
    pulled.push(imageRef);
    return imageRef;
  }
  async function assertStarts(imageRef: string): Promise<string> {
    const { fields } = await flow.lobby.answerTo(await flow.lobby.start(newGame(), imageRef));
    expect(fields).to.include({ outcome: 'success', error_message: '' });
    return fields.game_id ?? '';
  }

  it('if_missing pulls once, and the digest that runs is recorded', async () => {
    await using _rtm = await startRtm(flow.world);
    const imageRef = engineOf(registry);
    const gameId = await assertStarts(imageRef);
    await assertStarts(imageRef);
    expect(registry.pullsOf(imageRef)).to.equal(1);
    const [container] = await containersOf(gameId);
    expect(await flow.rows.record(gameId)).to.include({ image_digest: container?.Image });
  });

  it('takes an image by its digest, with or without a tag before it, from a registry with a port', async () => {
    await using _rtm = await startRtm(flow.world);
    for (const tag of ['', ':1.0.0']) {
      const imageRef = `${registry.host}/engines/${newGame()}${tag}@${registry.digest}`;
      pulled.push(imageRef);
      const gameId = await assertStarts(imageRef);
      expect(await flow.rows.record(gameId)).to.include({ current_image_ref: imageRef });
      const [container] = await containersOf(gameId);
      expect(container?.State.Running).to.equal(true);
    }
  });

  it('always pulls for every start', async () => {
    await using _rtm = await startRtm(flow.world, { RTMANAGER_IMAGE_PULL_POLICY: 'always' });
    const imageRef = engineOf(registry);
    await assertStarts(imageRef);
    await assertStarts(imageRef);
    expect(registry.pullsOf(imageRef)).to.equal(2);
  });

  it('failure mode 13: an image pruned between the look and the create is pulled once more', async () => {
    await using _rtm = await startRtm(flow.world, { RTMANAGER_DOCKER_HOST: docker.host });
    const imageRef = engineOf(registry);
    let pruned = false;
    docker.onCall = async (call) => {
      if (isCreate(call) && !pruned) {
        pruned = true;
        await removeImage(imageRef);
      }
      return 'pass' as const;
    };
    await assertStarts(imageRef);
    expect(registry.pullsOf(imageRef)).to.equal(2);
  });

  it('failure mode 14: ten games that need one image at once share one pull', async () => {
    await using _rtm = await startRtm(flow.world, { RTMANAGER_DOCKER_HOST: docker.host });
    const imageRef = engineOf(registry);
    const games = Array.from({ length: 10 }, () => newGame());
    const asksFor = ({ path: url }: DockerCall) => decodeURIComponent(url).includes(nameOf(imageRef));
    // The pull begins when all ten are on their way: each has asked for its containers, and asks for the image next.
    const onTheirWay = new Set<string>();
    const allCame = Promise.withResolvers<'pass'>();
    docker.onCall = (call) => {
      const url = decodeURIComponent(call.path);
      for (const gameId of games) if (url.includes(gameId)) onTheirWay.add(gameId);
      if (onTheirWay.size === games.length) allCame.resolve('pass');
      return isPull(call) ? allCame.promise : 'pass';
    };
    const requests = await Promise.all(games.map((gameId) => flow.lobby.start(gameId, imageRef)));
    for (const request of requests) {
      expect((await flow.lobby.answerTo(request)).fields).to.include({ outcome: 'success' });
    }
    expect(registry.pullsOf(imageRef)).to.equal(1);
    expect(docker.calls.filter((call) => isPull(call) && asksFor(call))).to.have.length(1);
  });

  describe('failure mode 15: credentials', () => {
    const login = { username: 'galaxy', password: 'sesame' };
    const encoded = Buffer.from(`${login.username}:${login.password}`).toString('base64');
    let closed: FakeRegistry;
    let authFile: string;

    before(async () => {
      closed = await makeFakeRegistry({ login });
      authFile = path.join(flow.world.stateRoot.path, '.docker-config.json');
    });
    after(() => closed?.close());

    const writeAuths = (...hosts: string[]): Promise<void> =>
      writeFile(
        authFile,
        JSON.stringify({ auths: Object.fromEntries(hosts.map((one) => [one, { auth: encoded }])) }),
      );

    it('of exactly the host open its images', async () => {
      await writeAuths('registry.example', closed.host);
      await using _rtm = await startRtm(flow.world, { RTMANAGER_DOCKER_REGISTRY_AUTH_FILE: authFile });
      await assertStarts(engineOf(closed));
    });

    it('of a look-alike host reach nobody', async () => {
      // A prefix, an extension, the bare host; the other registry asks for nothing and must be told nothing.
      await writeAuths(
        closed.host.slice(0, -1),
        `${closed.host}0`,
        '127.0.0.1',
        `${closed.host}.evil.example`,
      );
      await using _rtm = await startRtm(flow.world, { RTMANAGER_DOCKER_REGISTRY_AUTH_FILE: authFile });
      const asked = closed.requests.length;
      await assertStartFails(flow, {
        gameId: newGame(),
        imageRef: `${closed.host}/engines/${newGame()}:1.0.0`,
        code: 'image_pull_failed',
        intent: 'runtime.image_pull_failed',
        says: /no basic auth credentials|unauthorized/,
      });
      await assertStarts(engineOf(registry));
      const told = [...closed.requests.slice(asked), ...registry.requests].map((one) => one.authorization);
      expect(told.filter(Boolean)).to.deep.equal([]);
    });
  });
});

const nameOf = (imageRef: string): string => imageRef.replace(/:[^:]*$/, '');
