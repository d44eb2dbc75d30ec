import { expect } from 'chai';
import { containersOf, inspect, leaveContainer, ownLabels } from '../helpers/containers.ts';
import { docker, GAME_IMAGE, GAME_IMAGE_PATCHED } from '../helpers/docker.ts';
import { type Flow, makeFlow, newGame } from '../helpers/flow.ts';
import type { Entry } from '../helpers/lobby.ts';
import { makeNetwork, removeContainersOf, type TestNetwork } from '../helpers/network.ts';
import { type Rtm, startRtm } from '../helpers/rtm.ts';

describe('a start that finds a container of its game (spec, section 4)', () => {
  let flow: Flow;
  let rtm: Rtm;
  let network: string;
  let elsewhere: TestNetwork;

  before(async () => {
    flow = await makeFlow();
    rtm = await startRtm(flow.world);
    network = flow.world.network.name;
    elsewhere = await makeNetwork();
  });
  after(async () => {
    await rtm?.close();
    // By name: a container that never ran is not found by the id of its network.
    if (elsewhere) await removeContainersOf(elsewhere.name);
    await elsewhere?.remove();
    await flow?.destroy();
  });

  const nameOf = (gameId: string): string => `galaxy-game-${gameId}`;
  const started = async (gameId: string): Promise<Entry['fields']> =>
    (await flow.lobby.answerTo(await flow.lobby.start(gameId, GAME_IMAGE))).fields;
  const idsOf = async (gameId: string): Promise<string[]> => (await containersOf(gameId)).map(({ Id }) => Id);

  /** What was there runs on, or lies there, exactly as before. */
  async function assertUntouched(id: string, running: boolean): Promise<void> {
    const left = await inspect(id);
    expect(left?.State.Running).to.equal(running);
    expect(left?.RestartCount).to.equal(0);
  }

  it('ours, same image, running: taken over', async () => {
    const gameId = newGame();
    const left = await leaveContainer({ name: nameOf(gameId), network, labels: ownLabels(gameId) });
    expect(await started(gameId)).to.include({
      outcome: 'success',
      error_code: '',
      container_id: left,
      engine_endpoint: `http://galaxy-game-${gameId}:8080`,
    });
    expect(await idsOf(gameId)).to.deep.equal([left]);
    expect(await flow.rows.record(gameId)).to.include({ status: 'running', current_container_id: left });
  });

  it('ours under another name, same image, running: taken over', async () => {
    const gameId = newGame();
    const name = `renamed-${gameId}`;
    const left = await leaveContainer({ name, network, labels: ownLabels(gameId) });
    expect(await started(gameId)).to.include({ outcome: 'success', container_id: left });
    expect(await idsOf(gameId)).to.deep.equal([left]);
  });

  it('ours, another image, running: conflict, and it runs on', async () => {
    const gameId = newGame();
    const left = await leaveContainer({
      name: nameOf(gameId),
      network,
      image: GAME_IMAGE_PATCHED,
      labels: ownLabels(gameId, GAME_IMAGE_PATCHED),
    });
    const fields = await started(gameId);
    expect(fields).to.include({ outcome: 'failure', error_code: 'conflict', container_id: '' });
    expect(fields.error_message).to.include(GAME_IMAGE_PATCHED);
    await assertUntouched(left, true);
    expect(await flow.rows.record(gameId)).to.equal(undefined);
  });

  for (const where of ['its name', 'another name'] as const) {
    it(`failure mode 8: ours under ${where}, not running: removed and created again`, async () => {
      const gameId = newGame();
      const name = where === 'its name' ? nameOf(gameId) : `renamed-${gameId}`;
      const left = await leaveContainer({ name, network, labels: ownLabels(gameId), running: false });
      const fields = await started(gameId);
      expect(fields).to.include({ outcome: 'success', error_code: '' });
      expect(fields.container_id).not.to.equal(left);
      expect(await idsOf(gameId)).to.deep.equal([fields.container_id]);
    });
  }

  for (const running of [true, false]) {
    const state = running ? 'running' : 'not running';
    it(`failure mode 8: not ours but with its name, ${state}: container_start_failed, untouched`, async () => {
      const gameId = newGame();
      const left = await leaveContainer({ name: nameOf(gameId), network, running });
      const fields = await started(gameId);
      expect(fields).to.include({ outcome: 'failure', error_code: 'container_start_failed' });
      expect(fields.error_message).to.include('Runtime Manager did not create it');
      await assertUntouched(left, running);
      expect(await idsOf(gameId)).to.deep.equal([]);
      // Once it is out of the way, the same request works.
      await docker.getContainer(left).remove({ force: true });
      expect(await started(gameId)).to.include({ outcome: 'success' });
    });
  }

  it("another Runtime Manager's, on its own network, by label: not looked at", async () => {
    const gameId = newGame();
    const name = `other-rtm-${gameId}`;
    const left = await leaveContainer({ name, network: elsewhere.name, labels: ownLabels(gameId) });
    const fields = await started(gameId);
    expect(fields).to.include({ outcome: 'success', error_code: '' });
    expect(await idsOf(gameId)).to.have.members([left, fields.container_id]);
    await assertUntouched(left, true);
  });

  for (const running of [true, false]) {
    const state = running ? 'running' : 'not running';
    it(`another Runtime Manager's, on its own network, by name, ${state}: untouched`, async () => {
      const gameId = newGame();
      const labels = ownLabels(gameId);
      const left = await leaveContainer({ name: nameOf(gameId), network: elsewhere.name, labels, running });
      expect(await started(gameId)).to.include({
        outcome: 'failure',
        error_code: 'container_start_failed',
      });
      expect(await idsOf(gameId)).to.deep.equal([left]);
      await assertUntouched(left, running);
    });
  }
});
