import { chmod, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { docker, GAME_IMAGE, GAME_IMAGE_PATCHED } from '../helpers/docker.ts';
import { eventually } from '../helpers/eventually.ts';
import type { TestNetwork } from '../helpers/network.ts';
import { makeNetwork, removeContainersOf } from '../helpers/network.ts';
import type { StateRoot } from '../helpers/state-root.ts';
import { makeStateRoot } from '../helpers/state-root.ts';

describe('test/game-engine', () => {
  let network: TestNetwork;
  let state: StateRoot;

  before(async () => {
    network = await makeNetwork();
    state = await makeStateRoot();
    await chmod(state.path, 0o777); // the engine runs as a user that this machine does not know
  });

  afterEach(() => removeContainersOf(network.name));

  after(async () => {
    await network.remove();
    await state.remove();
  });

  async function start(variable: string) {
    const container = await docker.createContainer({
      Image: GAME_IMAGE,
      Env: [`${variable}=/state`],
      HostConfig: {
        NetworkMode: network.name,
        Mounts: [{ Type: 'bind', Source: state.path, Target: '/state' }],
        ReadonlyRootfs: true,
        CapDrop: ['ALL'],
      },
    });
    await container.start();
    const address = (await container.inspect()).NetworkSettings.Networks[network.name]?.IPAddress;
    const get = async (pathname: string): Promise<Response> => fetch(`http://${address}:8080${pathname}`);
    await eventually(async () => (await get('/healthz')).ok, {
      what: '/healthz to answer 200',
      timeoutMs: 5_000,
    });
    return { container, get };
  }

  it('is one image under two tags, with the labels that RTM reads', async () => {
    const [first, second] = await Promise.all(
      [GAME_IMAGE, GAME_IMAGE_PATCHED].map((tag) => docker.getImage(tag).inspect()),
    );
    expect(first?.Id).to.equal(second?.Id);
    expect(first?.Config.Labels).to.include({
      'com.galaxy.cpu_quota': '1.0',
      'com.galaxy.memory': '512m',
      'com.galaxy.pids_limit': '512',
      'org.opencontainers.image.title': 'galaxy-game-engine',
    });
    expect(first?.Config.User).to.equal('10001');
  });

  it('is healthy, keeps its state over a restart, and ends with 0 on SIGTERM', async () => {
    const first = await start('GAME_STATE_PATH');
    expect(await (await first.get('/healthz')).json()).to.deep.equal({ status: 'ok' });
    await first.container.stop({ t: 10 });
    expect((await first.container.inspect()).State.ExitCode).to.equal(0);

    const second = await start('STORAGE_PATH');
    const seen = (await (await second.get('/api/v1/state')).json()) as { boot: number };
    expect(seen.boot).to.equal(2);
    expect(JSON.parse(await readFile(path.join(state.path, 'state.json'), 'utf8'))).to.deep.equal(seen);
  });

  it('plays the unhealthy and the deaf engine when a file in its state says so', async () => {
    const { container, get } = await start('GAME_STATE_PATH');
    await writeFile(path.join(state.path, 'unhealthy'), '');
    expect((await get('/healthz')).status).to.equal(503);
    await writeFile(path.join(state.path, 'ignore-sigterm'), '');
    await container.stop({ t: 1 });
    expect((await container.inspect()).State.ExitCode).to.equal(137);
  });
});
