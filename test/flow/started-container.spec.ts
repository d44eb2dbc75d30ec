import { lstat, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import type { ContainerInspectInfo } from 'dockerode';
import { inspect } from '../helpers/containers.ts';
import { GAME_IMAGE } from '../helpers/docker.ts';
import { eventually } from '../helpers/eventually.ts';
import { type Flow, makeFlow, newGame } from '../helpers/flow.ts';
import { runInside } from '../helpers/inside-network.ts';
import type { Entry } from '../helpers/lobby.ts';
import { type Rtm, startRtm } from '../helpers/rtm.ts';

const ENGINE_USER = 10_001;

describe('the container of a started game (spec, section 3)', () => {
  const gameId = newGame();
  const name = `galaxy-game-${gameId}`;
  let flow: Flow;
  let rtm: Rtm;
  let answer: Entry;
  let container: ContainerInspectInfo;

  before(async () => {
    flow = await makeFlow();
    rtm = await startRtm(flow.world, { RTMANAGER_CONTAINER_CAP_ADD: 'CHOWN,CAP_net_bind_service' });
    answer = await flow.lobby.answerTo(await flow.lobby.start(gameId, GAME_IMAGE));
    container = (await inspect(name)) ?? expect.fail('no container');
  });
  after(async () => {
    await rtm?.close();
    await flow?.destroy();
  });

  it('is the one that the answer and the record name', async () => {
    expect(answer.fields).to.include({ outcome: 'success', container_id: container.Id });
    expect(await flow.rows.record(gameId)).to.include({
      status: 'running',
      current_container_id: container.Id,
      current_image_ref: GAME_IMAGE,
      image_digest: container.Image,
      engine_endpoint: `http://${name}:8080`,
      state_path: path.join(flow.world.stateRoot.path, gameId),
      docker_network: flow.world.network.name,
    });
    expect(container.State.Running).to.equal(true);
  });

  it('carries the seven labels, with the operation and the attempt that made it', async () => {
    const [operation] = await flow.rows.operations(gameId);
    const { 'com.galaxy.started_at_ms': startedAt, ...labels } = container.Config.Labels;
    expect(labels).to.include({
      'com.galaxy.owner': 'rtmanager',
      'com.galaxy.kind': 'game-engine',
      'com.galaxy.game_id': gameId,
      'com.galaxy.engine_image_ref': GAME_IMAGE,
      'com.galaxy.operation_id': operation?.operation_id,
      'com.galaxy.attempt': '1',
    });
    expect(Number(startedAt)).to.be.closeTo(Date.parse(container.Created), 5_000);
  });

  it('is told twice where its state lies', () => {
    expect(container.Config.Env).to.include.members([
      'GAME_STATE_PATH=/var/lib/galaxy-game',
      'STORAGE_PATH=/var/lib/galaxy-game',
    ]);
  });

  it('failure mode 20: mounts its own directory, made beforehand with mode and owner, and never by -v', async () => {
    const source = path.join(flow.world.stateRoot.path, gameId);
    expect(container.HostConfig.Binds ?? []).to.deep.equal([]);
    expect(container.HostConfig.Mounts).to.deep.equal([
      { Type: 'bind', Source: source, Target: '/var/lib/galaxy-game' },
    ]);
    expect(container.Mounts).to.have.length(1);
    expect(container.Mounts[0]).to.include({
      Source: source,
      Destination: '/var/lib/galaxy-game',
      RW: true,
    });
    const directory = await lstat(source);
    expect(directory.isDirectory()).to.equal(true);
    expect(directory.mode & 0o7777).to.equal(0o750);
    expect([directory.uid, directory.gid]).to.deep.equal([ENGINE_USER, ENGINE_USER]);
  });

  it('writes its state through the mount, as its own user', async () => {
    const file = path.join(flow.world.stateRoot.path, gameId, 'state.json');
    const written = await eventually(() => stat(file), { what: 'the state file' });
    expect(written.uid).to.equal(ENGINE_USER);
    expect(JSON.parse(await readFile(file, 'utf8'))).to.include({ boot: 1 });
  });

  it('gets the limits that its image asks for', () => {
    expect(container.HostConfig).to.include({
      NanoCpus: 1_000_000_000,
      Memory: 512 * 2 ** 20,
      MemorySwap: 512 * 2 ** 20,
      PidsLimit: 512,
    });
  });

  it('failure mode 20: keeps few and small log files by default', () => {
    expect(container.HostConfig.LogConfig).to.deep.equal({
      Type: 'json-file',
      Config: { 'max-file': '3', 'max-size': '1m' },
    });
  });

  it('can do little, ends with its operation, and publishes nothing', () => {
    const { SecurityOpt, CapDrop, CapAdd, Init, RestartPolicy, Privileged } = container.HostConfig;
    expect(SecurityOpt).to.deep.equal(['no-new-privileges']);
    expect(CapDrop).to.deep.equal(['ALL']);
    expect(CapAdd.map((one: string) => one.replace(/^CAP_/, ''))).to.have.members([
      'CHOWN',
      'NET_BIND_SERVICE',
    ]);
    expect({ Init, Privileged }).to.deep.equal({ Init: true, Privileged: false });
    expect(RestartPolicy).to.include({ Name: 'no' });
    expect(container.HostConfig.PortBindings ?? {}).to.deep.equal({});
    expect(container.HostConfig.PublishAllPorts).to.equal(false);
    expect(Object.values(container.NetworkSettings.Ports).filter((bound) => bound !== null)).to.deep.equal(
      [],
    );
  });

  it('has its name, host name and alias on the one configured network', () => {
    expect(container.Config.Hostname).to.equal(name);
    expect(Object.keys(container.NetworkSettings.Networks)).to.deep.equal([flow.world.network.name]);
    expect(container.NetworkSettings.Networks[flow.world.network.name]?.Aliases).to.include(name);
  });

  it('answers /healthz at its endpoint inside the network', async () => {
    const said = await runInside(
      flow.world.network.name,
      `const answer = await ask('${answer.fields.engine_endpoint}/healthz');
       say([answer.status, await answer.json()]);`,
    );
    expect(said).to.deep.equal([200, { status: 'ok' }]);
  });
});
