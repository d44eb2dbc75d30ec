import { expect } from 'chai';
import { type DockerProxy, isPull, makeDockerProxy } from '../helpers/docker-proxy.ts';
import { assertStartFails } from '../helpers/failed-start.ts';
import { type FakeRegistry, makeFakeRegistry } from '../helpers/fake-registry.ts';
import { type Flow, makeFlow, newGame } from '../helpers/flow.ts';
import { startRtm } from '../helpers/rtm.ts';

const row = { code: 'image_pull_failed', intent: 'runtime.image_pull_failed' } as const;

describe('a start whose image can not be had (spec, section 4)', () => {
  let flow: Flow;
  let docker: DockerProxy;
  let registry: FakeRegistry;

  before(async () => {
    flow = await makeFlow();
    docker = await makeDockerProxy();
    registry = await makeFakeRegistry();
  });
  after(async () => {
    await flow?.destroy();
    await docker?.destroy();
    await registry?.close();
  });

  const engine = (): string => `${registry.host}/engines/${newGame()}:1.0.0`;

  it('pull failed: nobody listens there, or the registry has no such image', async () => {
    await using _rtm = await startRtm(flow.world);
    const nobody = '127.0.0.1:1/engines/engine:1.0.0';
    await assertStartFails(flow, { ...row, gameId: newGame(), imageRef: nobody, says: /refused/ });
    const absent = `${registry.host}/others/engine:1.0.0`;
    await assertStartFails(flow, { ...row, gameId: newGame(), imageRef: absent, says: /manifest unknown/ });
  });

  it('failure mode 5: pull failed inside a progress stream that Docker began with 200', async () => {
    await using _rtm = await startRtm(flow.world, { RTMANAGER_DOCKER_HOST: docker.host });
    registry.mood = 'broken';
    const answers: number[] = [];
    docker.onAnswer = (call, status) => {
      if (isPull(call)) answers.push(status);
      return 'pass';
    };
    await assertStartFails(flow, {
      ...row,
      gameId: newGame(),
      imageRef: engine(),
      says: /DENIED by the test/,
    });
    expect(answers).to.deep.equal([200]);
  });

  it('image absent under the policy never: no registry is asked', async () => {
    await using _rtm = await startRtm(flow.world, { RTMANAGER_IMAGE_PULL_POLICY: 'never' });
    const asked = registry.requests.length;
    const says = /RTMANAGER_IMAGE_PULL_POLICY=never/;
    await assertStartFails(flow, { ...row, gameId: newGame(), imageRef: engine(), says });
    expect(registry.requests).to.have.length(asked);
  });

  it('failure mode 14: pull timed out, by a registry that never answers', async () => {
    await using _rtm = await startRtm(flow.world, { RTMANAGER_IMAGE_PULL_TIMEOUT: '1s' });
    registry.mood = 'silent';
    const says = /did not finish within 1 s/;
    const askedAtMs = performance.now();
    await assertStartFails(flow, { ...row, gameId: newGame(), imageRef: engine(), says });
    expect(performance.now() - askedAtMs).to.be.within(1_000, 10_000);
  });
});
