import { expect } from 'chai';
import { assertContract } from '../helpers/assert-contract.ts';
import { docker, GAME_IMAGE, GAME_IMAGE_PATCHED } from '../helpers/docker.ts';
import { type DockerProxy, makeDockerProxy } from '../helpers/docker-proxy.ts';
import { eventually } from '../helpers/eventually.ts';
import { makeFakeRegistry } from '../helpers/fake-registry.ts';
import { type Flow, makeFlow, newGame } from '../helpers/flow.ts';
import { exchange } from '../helpers/http-exchange.ts';
import { STREAMS } from '../helpers/lobby.ts';
import { type Nginx, startExampleNginx } from '../helpers/nginx.ts';
import { type Rtm, startRtm } from '../helpers/rtm.ts';
import { removeImage } from '../helpers/tiny-image.ts';

describe('RTM behind docs/examples/docker-proxy.nginx.conf', () => {
  let flow: Flow;
  let daemon: DockerProxy;
  let nginx: Nginx;
  let rtm: Rtm;

  before(async () => {
    flow = await makeFlow();
    daemon = await makeDockerProxy();
    nginx = await startExampleNginx(new URL(daemon.host).pathname);
    rtm = await startRtm(flow.world, {
      RTMANAGER_DOCKER_HOST: nginx.host,
      RTMANAGER_INSPECT_INTERVAL: '1s',
      RTMANAGER_RECONCILE_INTERVAL: '1s',
      RTMANAGER_CONTAINER_STOP_TIMEOUT_SECONDS: '1',
    });
  });
  after(async () => {
    await rtm?.close();
    await nginx?.[Symbol.asyncDispose]();
    await flow?.destroy();
    await daemon?.destroy();
  });

  const ask = async (target: string, method = 'GET', body?: unknown) => {
    const answer = await exchange(rtm.url, `/api/v1/internal/runtimes/${target}`, { method, body });
    assertContract(answer);
    expect(answer.status, `${target}: ${JSON.stringify(answer.json)}`).to.equal(200);
    return answer;
  };

  it('starts, reads, patches, stops and removes a game, and pulls', async () => {
    const game = newGame();
    await ask(`${game}/start`, 'POST', { image_ref: GAME_IMAGE });
    await ask(`${game}/logs?tail=5`);
    await ask(`${game}/stats`);
    await ask(`${game}/patch`, 'POST', { image_ref: GAME_IMAGE_PATCHED });
    await ask(`${game}/stop`, 'POST', { reason: 'finished' });
    await ask(`${game}/container`, 'DELETE');

    const registry = await makeFakeRegistry();
    const imageRef = `${registry.host}/engines/${game}:1.0.0`;
    try {
      await ask(`${game}/start`, 'POST', { image_ref: imageRef });
    } finally {
      await docker.getContainer(`galaxy-game-${game}`).remove({ force: true });
      await removeImage(imageRef);
      await registry.close();
    }
  });

  it('hears of a death, and looks after what it has', async () => {
    const game = newGame();
    const { json } = await ask(`${game}/start`, 'POST', { image_ref: GAME_IMAGE });
    await docker.getContainer((json as { current_container_id: string }).current_container_id).kill();
    await eventually(
      async () =>
        (await flow.lobby.entries(STREAMS.healthEvents)).find(
          ({ fields }) => fields.game_id === game && fields.event_type === 'container_exited',
        ),
      { what: 'the death to be told', timeoutMs: 30_000 },
    );
    await eventually(() => daemon.calls.some(({ path: url }) => url.startsWith('/containers/json')), {
      what: 'a reconcile pass',
      timeoutMs: 30_000,
    });
  });

  it('is refused nothing', async () => {
    expect(await nginx.refused()).to.deep.equal([]);
    expect([...new Set(daemon.calls.map(({ method }) => method))].sort()).to.deep.equal([
      'DELETE',
      'GET',
      'POST',
    ]);
  });
});
