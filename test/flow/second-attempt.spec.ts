import { rename } from 'node:fs/promises';
import { expect } from 'chai';
import { containersOf } from '../helpers/containers.ts';
import { GAME_IMAGE } from '../helpers/docker.ts';
import { type DockerProxy, isCreate, isStart, makeDockerProxy } from '../helpers/docker-proxy.ts';
import { type Flow, makeFlow, newGame } from '../helpers/flow.ts';
import type { Entry } from '../helpers/lobby.ts';
import { startRtm } from '../helpers/rtm.ts';
import type { RtmVariables } from '../helpers/rtm-env.ts';

const STEPS = [
  ['created its container', isCreate],
  ['started its container', isStart],
] as const;

describe('the second attempt at a start whose first one ended half-way', () => {
  let flow: Flow;
  let docker: DockerProxy;

  before(async () => {
    flow = await makeFlow();
    docker = await makeDockerProxy();
  });
  after(async () => {
    await docker?.destroy();
    await flow?.destroy();
  });

  /** Asks for a start, and stops the replica that runs it as soon as Docker has done that step. */
  async function leaveHalfDone(gameId: string, isStep: (typeof STEPS)[number][1]): Promise<string> {
    const done = Promise.withResolvers<void>();
    docker.onAnswer = (call) => {
      if (!isStep(call)) return 'pass';
      done.resolve();
      return 'hang';
    };
    await using _rtm = await startRtm(flow.world, {
      RTMANAGER_DOCKER_HOST: docker.host,
      RTMANAGER_SHUTDOWN_TIMEOUT: '0s',
    });
    const request = await flow.lobby.start(gameId, GAME_IMAGE);
    await done.promise;
    return request;
  }

  async function secondAttempt(request: string, overrides: RtmVariables): Promise<Entry['fields']> {
    await using _rtm = await startRtm(flow.world, overrides);
    return (await flow.lobby.answerTo(request)).fields;
  }

  for (const [step, isStep] of STEPS) {
    it(`${step}: one container, one record, and the answer of the second`, async () => {
      const gameId = newGame();
      const request = await leaveHalfDone(gameId, isStep);
      expect(await containersOf(gameId)).to.have.length(1);
      const fields = await secondAttempt(request, {});
      expect(fields).to.include({ outcome: 'success', error_code: '' });
      expect((await containersOf(gameId)).map(({ Id }) => Id)).to.deep.equal([fields.container_id]);
      expect(await flow.rows.record(gameId)).to.include({ current_container_id: fields.container_id });
      expect((await flow.rows.operations(gameId))[0]).to.include({ attempt: 2, outcome: 'success' });
    });

    it(`${step}, and the second may not run the image: nothing of the first is left`, async () => {
      const gameId = newGame();
      const request = await leaveHalfDone(gameId, isStep);
      const fields = await secondAttempt(request, { RTMANAGER_IMAGE_ALLOWLIST: 'ghcr.io/other/*' });
      expect(fields).to.include({ outcome: 'failure', error_code: 'start_config_invalid' });
      await assertNothingLeft(gameId);
    });
  }

  it('created its container, and the second finds no state root: nothing of the first is left', async () => {
    const gameId = newGame();
    const request = await leaveHalfDone(gameId, isCreate);
    const root = flow.world.stateRoot.path;
    await rename(root, `${root}-away`);
    try {
      const fields = await secondAttempt(request, {});
      expect(fields).to.include({ outcome: 'failure', error_code: 'start_config_invalid' });
    } finally {
      await rename(`${root}-away`, root);
    }
    await assertNothingLeft(gameId);
  });

  async function assertNothingLeft(gameId: string): Promise<void> {
    expect((await containersOf(gameId)).map(({ State }) => State.Status)).to.deep.equal([]);
    expect(await flow.rows.record(gameId)).to.equal(undefined);
  }
});
