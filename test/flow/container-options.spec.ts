import { lstat } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import type { ContainerInspectInfo } from 'dockerode';
import { inspect } from '../helpers/containers.ts';
import { docker } from '../helpers/docker.ts';
import { type Flow, makeFlow, newGame } from '../helpers/flow.ts';
import { type Rtm, startRtm } from '../helpers/rtm.ts';
import { type LocalImage, makeTinyImage } from '../helpers/tiny-image.ts';

const MIB = 2 ** 20;

describe('what the configuration and the image decide about a container', () => {
  let flow: Flow;
  let rtm: Rtm;
  const images: LocalImage[] = [];

  before(async () => {
    flow = await makeFlow();
    rtm = await startRtm(flow.world, {
      RTMANAGER_DEFAULT_CPU_QUOTA: '0.25',
      RTMANAGER_DEFAULT_MEMORY: '48m',
      RTMANAGER_DEFAULT_PIDS_LIMIT: '33',
      RTMANAGER_ENGINE_STATE_MOUNT_PATH: '/srv/state',
      RTMANAGER_GAME_STATE_DIR_MODE: '0711',
      RTMANAGER_GAME_STATE_OWNER_UID: '4242',
      RTMANAGER_GAME_STATE_OWNER_GID: '4343',
      RTMANAGER_CONTAINER_READ_ONLY_ROOTFS: 'true',
      RTMANAGER_CONTAINER_RUNTIME: 'runc',
      RTMANAGER_DOCKER_LOG_DRIVER: 'local',
      RTMANAGER_DOCKER_LOG_OPTS: 'max-size=2m',
    });
  });
  after(async () => {
    await rtm?.close();
    await flow?.destroy();
    await Promise.all(images.map((image) => image.remove()));
  });

  async function started(
    labels: Readonly<Record<string, string>>,
    healthcheck?: string,
  ): Promise<ContainerInspectInfo> {
    const image = await makeTinyImage({ labels, ...(healthcheck === undefined ? {} : { healthcheck }) });
    images.push(image);
    const { fields } = await flow.lobby.answerTo(await flow.lobby.start(newGame(), image.ref));
    expect(fields).to.include({ outcome: 'success', error_message: '' });
    return (await inspect(fields.container_id ?? '')) ?? expect.fail('no container');
  }

  it('limits of the image win over the defaults', async () => {
    const { HostConfig } = await started({
      'com.galaxy.cpu_quota': '0.5',
      'com.galaxy.memory': '64m',
      'com.galaxy.pids_limit': '77',
    });
    expect(HostConfig).to.include({ NanoCpus: 500_000_000, Memory: 64 * MIB, PidsLimit: 77 });
  });

  it('limits of the image above the maximum are cut to it, and warned of', async () => {
    const labels = {
      'com.galaxy.cpu_quota': '64',
      'com.galaxy.memory': '8000g',
      'com.galaxy.pids_limit': '4194304',
    };
    const { HostConfig } = await started(labels);
    const { NCPU, MemTotal } = await docker.info();
    expect(HostConfig).to.include({ NanoCpus: NCPU * 1e9, Memory: MemTotal, PidsLimit: 4_096 });
    const warned = rtm.log.lines.find((line) => line.message.includes('exceed the maximum'));
    expect(warned?.fields.labels).to.deep.equal(Object.keys(labels));
  });

  it('a health check of the image keeps its command and runs every 10 s at most', async () => {
    const { Config } = await started({}, '--interval=1ms --timeout=90s CMD true');
    expect(Config.Healthcheck).to.deep.include({
      Test: ['CMD-SHELL', 'true'],
      Interval: 10_000_000_000,
      Timeout: 30_000_000_000,
    });
  });

  it('a label that can not be read falls back by itself, is warned of, and the game starts', async () => {
    const { HostConfig } = await started({
      'com.galaxy.cpu_quota': 'plenty',
      'com.galaxy.memory': '64m',
      'com.galaxy.pids_limit': '-1',
    });
    expect(HostConfig).to.include({ NanoCpus: 250_000_000, Memory: 64 * MIB, PidsLimit: 33 });
    const warned = rtm.log.lines.filter((line) => line.message.startsWith('image labels could not be read'));
    expect(warned.map((line) => line.fields.labels)).to.deep.equal([
      ['com.galaxy.cpu_quota', 'com.galaxy.pids_limit'],
    ]);
  });

  it('without labels the defaults apply, and every other setting reaches Docker', async () => {
    const { Config, HostConfig, Mounts } = await started({});
    expect(HostConfig).to.include({
      NanoCpus: 250_000_000,
      Memory: 48 * MIB,
      MemorySwap: 48 * MIB,
      PidsLimit: 33,
      ReadonlyRootfs: true,
      Runtime: 'runc',
    });
    expect(HostConfig.LogConfig).to.deep.equal({ Type: 'local', Config: { 'max-size': '2m' } });
    expect(HostConfig.CapAdd ?? []).to.deep.equal([]);
    expect(Config.Env).to.include.members(['GAME_STATE_PATH=/srv/state', 'STORAGE_PATH=/srv/state']);
    expect(Mounts[0]).to.include({ Destination: '/srv/state' });
    const directory = await lstat(Mounts[0]?.Source ?? '');
    expect([directory.mode & 0o7777, directory.uid, directory.gid]).to.deep.equal([0o711, 4242, 4343]);
    expect(path.dirname(Mounts[0]?.Source ?? '')).to.equal(flow.world.stateRoot.path);
  });
});
