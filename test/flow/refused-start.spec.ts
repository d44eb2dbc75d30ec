import { mkdir, rename, symlink } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { docker, GAME_IMAGE } from '../helpers/docker.ts';
import { assertStartFails } from '../helpers/failed-start.ts';
import { type Flow, makeFlow, newGame } from '../helpers/flow.ts';
import { startRtm } from '../helpers/rtm.ts';
import type { RtmVariables } from '../helpers/rtm-env.ts';
import { makeStateRoot } from '../helpers/state-root.ts';
import { makeTinyImage } from '../helpers/tiny-image.ts';

const CONFIG_INVALID = 'runtime.start_config_invalid';
const START_FAILED = 'runtime.container_start_failed';

describe('a start that can not work leaves nothing but its failure (spec, section 4)', () => {
  let flow: Flow;
  const gameId = newGame;

  before(async () => {
    flow = await makeFlow();
  });
  after(() => flow?.destroy());

  it('image_ref that is no image reference', async () => {
    await using _rtm = await startRtm(flow.world);
    for (const imageRef of ['Galaxy/Game:1.0.0', 'galaxy/game:', 'galaxy/game:1.0.0 ', 'ghcr.io/', '../x']) {
      await assertStartFails(flow, {
        gameId: gameId(),
        imageRef,
        code: 'start_config_invalid',
        intent: CONFIG_INVALID,
        says: /is not an image reference/,
      });
    }
  });

  it('image that the allowlist does not name, while one that it names starts', async () => {
    await using _rtm = await startRtm(flow.world, { RTMANAGER_IMAGE_ALLOWLIST: 'galaxy/*' });
    await assertStartFails(flow, {
      gameId: gameId(),
      imageRef: 'ghcr.io/galaxy/game:1.0.0',
      code: 'start_config_invalid',
      intent: CONFIG_INVALID,
      says: /RTMANAGER_IMAGE_ALLOWLIST permits galaxy\/\*/,
    });
    const { fields } = await flow.lobby.answerTo(await flow.lobby.start(gameId(), GAME_IMAGE));
    expect(fields.outcome).to.equal('success');
  });

  it('network missing: it is told, and not created', async () => {
    const network = `rtm-test-none-${gameId()}`;
    await using _rtm = await startRtm(flow.world, { RTMANAGER_DOCKER_NETWORK: network });
    await assertStartFails(flow, {
      gameId: gameId(),
      imageRef: GAME_IMAGE,
      code: 'start_config_invalid',
      intent: CONFIG_INVALID,
      says: new RegExp(`network "${network}" does not exist`),
    });
    expect(await docker.listNetworks({ filters: { name: [network] } })).to.deep.equal([]);
  });

  it('state root missing: it is not created, and the next start finds it again', async () => {
    await using _rtm = await startRtm(flow.world);
    const root = flow.world.stateRoot.path;
    await rename(root, `${root}-away`);
    try {
      await assertStartFails(flow, {
        gameId: gameId(),
        imageRef: GAME_IMAGE,
        code: 'start_config_invalid',
        intent: CONFIG_INVALID,
        says: /state root .* is not there/,
      });
    } finally {
      await rename(`${root}-away`, root); // fails when somebody created it
    }
    const { fields } = await flow.lobby.answerTo(await flow.lobby.start(gameId(), GAME_IMAGE));
    expect(fields.outcome).to.equal('success');
  });

  it('failure mode 20: state directory that is a symbolic link, out of the root or within it', async () => {
    await using _rtm = await startRtm(flow.world);
    const root = flow.world.stateRoot.path;
    const inside = path.join(root, 'another-game');
    await mkdir(inside);
    const outside = await makeStateRoot();
    try {
      for (const target of [outside.path, inside]) {
        const id = gameId();
        await symlink(target, path.join(root, id));
        await assertStartFails(flow, {
          gameId: id,
          imageRef: GAME_IMAGE,
          code: 'start_config_invalid',
          intent: CONFIG_INVALID,
          says: /is a symbolic link/,
        });
      }
    } finally {
      await outside.remove();
    }
  });

  const refusals: readonly [string, RtmVariables, RegExp][] = [
    ['runtime', { RTMANAGER_CONTAINER_RUNTIME: 'no-such-runtime' }, /no-such-runtime/],
    ['log option', { RTMANAGER_DOCKER_LOG_OPTS: 'no-such-option=1' }, /no-such-option/],
  ];
  for (const [what, variables, says] of refusals) {
    it(`create refused: a ${what} that the daemon does not know`, async () => {
      await using _rtm = await startRtm(flow.world, variables);
      await assertStartFails(flow, {
        gameId: gameId(),
        imageRef: GAME_IMAGE,
        code: 'container_start_failed',
        intent: START_FAILED,
        says,
      });
    });
  }

  it('start refused, by a user that the image does not know: the created container is removed', async () => {
    await using _rtm = await startRtm(flow.world, { RTMANAGER_CONTAINER_ALLOW_ROOT: 'true' });
    await using image = await makeTinyImage({ user: 'nobody-of-that-name' });
    await assertStartFails(flow, {
      gameId: gameId(),
      imageRef: image.ref,
      code: 'container_start_failed',
      intent: START_FAILED,
      says: /nobody-of-that-name/,
    });
    // Docker refuses this while a container, running or not, still uses the image.
    await docker.getImage(image.ref).remove();
  });
});
