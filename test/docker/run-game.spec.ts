import { stat } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { type Config, parseConfig } from '../../lib/config.ts';
import { runGame } from '../../lib/docker/run-game.ts';
import { type FakeAttempt, GAME, IMAGE, labelsOf, makeFakeAttempt, NAME } from '../helpers/attempt.ts';
import { failureOf } from '../helpers/failure-of.ts';
import { actThenDrop, drop, refuse } from '../helpers/fake-docker-scripts.ts';
import { makeMemoryLogger } from '../helpers/memory-logger.ts';
import { makeStateRoot, type StateRoot } from '../helpers/state-root.ts';

const CREATE = 'POST /containers/create';
const PULL = 'POST /images/create';

describe('runGame', () => {
  let stateRoot: StateRoot;
  let attempt: FakeAttempt;
  let config: Config;

  before(async () => {
    stateRoot = await makeStateRoot();
    const { uid, gid } = await stat(stateRoot.path);
    config = parseConfig({
      RTMANAGER_POSTGRES_PRIMARY_DSN: 'postgres://nobody@127.0.0.1/none',
      RTMANAGER_REDIS_MASTER_ADDR: '127.0.0.1:1',
      RTMANAGER_LOBBY_INTERNAL_BASE_URL: 'http://127.0.0.1:1',
      RTMANAGER_GAME_STATE_ROOT: stateRoot.path,
      RTMANAGER_GAME_STATE_OWNER_UID: String(uid),
      RTMANAGER_GAME_STATE_OWNER_GID: String(gid),
    });
  });
  after(() => stateRoot.remove());
  beforeEach(async () => {
    attempt = await makeFakeAttempt();
  });
  afterEach(() => attempt.close());

  const run = () =>
    runGame(
      attempt.docker,
      {
        gameId: GAME,
        imageRef: IMAGE,
        ranBefore: false,
        operationId: 'operation-1',
        attempt: 2,
        startedAtMs: 1_767_225_600_000,
      },
      config,
      makeMemoryLogger(),
    );
  const containers = () => [...attempt.world.containers.values()];

  it('refuses an image with labels of more than 64 KiB, and removes nothing for it', async () => {
    attempt.world.images.set(IMAGE.canonical, { id: 'sha256:1111', labels: { note: 'x'.repeat(65_536) } });
    attempt.world.put({ name: NAME, labels: labelsOf('operation-0'), networks: ['galaxy'], state: 'exited' });
    const error = await failureOf(run());
    expect(error.code).to.equal('start_config_invalid');
    expect(error.message).to.include('65540 bytes').and.to.include('at most 65536');
    expect(containers()).to.have.length(1);
  });

  it('creates with one look before it, and mounts the state directory', async () => {
    const game = await run();
    const statePath = path.join(stateRoot.path, GAME);
    expect(game).to.deep.equal({
      containerId: containers()[0]?.id,
      created: true,
      imageDigest: 'sha256:1111',
      ranSinceMs: null,
      statePath,
    });
    const [create] = attempt.api.sent(CREATE);
    expect(create?.query).to.deep.equal({ name: NAME });
    expect(create?.body).to.deep.include({ Image: 'galaxy/engine:1.0.0' });
    expect(create?.body).to.have.nested.property('HostConfig.Mounts[0].Source', statePath);
  });

  describe('loses the image between look and create (failure mode 13)', () => {
    const vanishes = refuse(404, 'No such image: galaxy/engine:1.0.0');

    it('pulls once more and goes on', async () => {
      attempt.api.script(CREATE, vanishes);
      expect((await run()).created).to.equal(true);
      expect(attempt.api.sent(PULL)).to.have.length(1);
      expect(containers()).to.have.length(1);
    });

    it('twice: tells it as the failed pull that it amounts to', async () => {
      attempt.api.always(CREATE, vanishes);
      expect(await failureOf(run())).to.include({ code: 'image_pull_failed' });
      expect(attempt.api.sent(PULL)).to.have.length(1);
      expect(attempt.api.sent(CREATE)).to.have.length(2);
    });

    it('and may not pull: says so', async () => {
      await attempt.close();
      attempt = await makeFakeAttempt({ policy: 'never' });
      attempt.api.always(CREATE, vanishes);
      const error = await failureOf(run());
      expect(error.code).to.equal('image_pull_failed');
      expect(error.message).to.include('RTMANAGER_IMAGE_PULL_POLICY=never');
    });
  });

  it('finds what the create of the attempt before left, and ends with one container (failure mode 7)', async () => {
    attempt.api.script(CREATE, actThenDrop());
    attempt.api.script('GET /containers/:id/json', drop());
    expect(await failureOf(run())).to.include({ code: 'docker_unavailable', rollbackPending: true });
    const [left] = containers();
    const { containerId } = await run();
    expect(containerId).not.to.equal(left?.id);
    expect(containers().map((one) => [one.id, one.state])).to.deep.equal([[containerId, 'running']]);
  });

  it('takes over what the attempt before started, and has nothing more to do', async () => {
    const { id } = attempt.world.put({ name: NAME, labels: labelsOf('operation-1') });
    expect(await run()).to.include({ containerId: id, created: true });
    expect(attempt.api.requests.filter((request) => request.method !== 'GET')).to.deep.equal([]);
  });

  it('takes over one that was renamed, for it goes by labels first', async () => {
    const { id } = attempt.world.put({ name: 'renamed-by-hand', labels: labelsOf('operation-0') });
    expect(await run()).to.include({ containerId: id, created: false });
  });

  it('touches nothing of ours while another image of the game runs', async () => {
    attempt.world.put({ name: NAME, labels: labelsOf('operation-0', 'galaxy/engine:2.0.0') });
    attempt.world.put({ name: 'older', labels: labelsOf('operation-0'), state: 'exited' });
    expect(await failureOf(run())).to.include({ code: 'conflict' });
    expect(containers()).to.have.length(2);
    expect(attempt.api.requests.filter((request) => request.method !== 'GET')).to.deep.equal([]);
  });

  it('finds the network missing before it creates anything', async () => {
    attempt.world.networks.clear();
    expect(await failureOf(run())).to.include({ code: 'start_config_invalid' });
    expect(attempt.api.sent(CREATE)).to.deep.equal([]);
  });

  describe('whose network was there a moment ago', () => {
    beforeEach(async () => {
      expect(await attempt.docker.hadNetwork()).to.equal(true);
      attempt.world.networks.clear();
    });

    it('leaves nothing', async () => {
      expect(await failureOf(run())).to.include({ code: 'start_config_invalid' });
      expect(containers()).to.deep.equal([]);
      expect(await attempt.docker.hadNetwork()).to.equal(false);
    });

    it('lets nothing make room', async () => {
      attempt.world.put({ name: 'older', labels: labelsOf('operation-0'), state: 'exited' });
      expect(await failureOf(run())).to.include({ code: 'start_config_invalid' });
      expect(containers()).to.have.length(1);
      expect(attempt.api.sent(CREATE)).to.deep.equal([]);
    });
  });

  it('takes over what runs though its image can not be looked at', async () => {
    const { id } = attempt.world.put({ name: NAME, labels: labelsOf('operation-1') });
    attempt.api.script('GET /images/:name*/json', (exchange) => exchange.send({ status: 500, body: '{}' }));
    expect(await run()).to.include({ containerId: id });
  });

  it('takes a list that it can not read for no list (rather than for an empty one)', async () => {
    attempt.world.put({ name: 'renamed-by-hand', labels: labelsOf('operation-0') });
    attempt.api.script('GET /containers/json', (exchange) => exchange.send({ status: 200, body: '' }));
    expect(await failureOf(run())).to.include({ code: 'docker_unavailable' });
    expect(attempt.api.sent(CREATE)).to.deep.equal([]);
  });
});
