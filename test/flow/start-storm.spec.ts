import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { GAME_IMAGE } from '../helpers/docker.ts';
import {
  type DockerProxy,
  type Interference,
  isCreate,
  isRemove,
  makeDockerProxy,
} from '../helpers/docker-proxy.ts';
import { eventually } from '../helpers/eventually.ts';
import { type Flow, makeFlow, newGame } from '../helpers/flow.ts';
import { type Rtm, startRtm } from '../helpers/rtm.ts';

const AT_DOCKER = 2;
/** Half as many as may be at Docker. */
const ON_THEIR_WAY = 1;
const STORM = 10;

describe('failure mode 18: a storm of starts', () => {
  let flow: Flow;
  let proxy: DockerProxy;
  let rtm: Rtm;
  let held: PromiseWithResolvers<Interference>;

  before(async () => {
    flow = await makeFlow();
    proxy = await makeDockerProxy();
    rtm = await startRtm(flow.world, {
      RTMANAGER_DOCKER_HOST: proxy.host,
      RTMANAGER_DOCKER_PARALLEL_STARTS: String(AT_DOCKER),
      RTMANAGER_CONTAINER_STOP_TIMEOUT_SECONDS: '1',
    });
  });
  beforeEach(() => {
    held = Promise.withResolvers<Interference>();
  });
  afterEach(() => {
    held.resolve('pass');
    proxy.onCall = undefined;
  });
  after(async () => {
    await rtm?.close();
    await proxy?.destroy();
    await flow?.destroy();
  });

  const start = (gameId = newGame()) => flow.lobby.start(gameId, GAME_IMAGE);
  const outcomeOf = async (entryId: string) => (await flow.lobby.answerTo(entryId)).fields.outcome;
  const rowsThatAre = async (status: string) =>
    (await flow.rows.query('select from rtmanager.operation_log where status = $1', [status])).length;

  it('claims what Docker has use for and leaves the rest queued; a stop passes all of them', async () => {
    const runs = newGame();
    expect(await outcomeOf(await start(runs))).to.equal('success');
    await writeFile(path.join(flow.world.stateRoot.path, runs, 'ignore-sigterm'), '');
    proxy.onCall = (call) => (isCreate(call) ? held.promise : 'pass');
    const storm = await Promise.all(Array.from({ length: STORM }, () => start()));
    const claimed = AT_DOCKER + ON_THEIR_WAY;
    await eventually(async () => (await rowsThatAre('running')) >= claimed, { what: 'starts to be claimed' });

    // It takes the whole grace period, longer than a start may be on its way: those wait for Docker alone, and stay few.
    expect(await outcomeOf(await flow.lobby.stop(runs))).to.equal('success');
    expect(await rowsThatAre('running')).to.equal(claimed);
    expect(await rowsThatAre('queued')).to.equal(STORM - claimed);

    held.resolve('pass');
    expect(new Set(await Promise.all(storm.map(outcomeOf)))).to.deep.equal(new Set(['success']));
  });

  it('is not held up by games whose old containers can not be removed', async () => {
    const stuck = [newGame(), newGame(), newGame()];
    for (const gameId of stuck) {
      expect(await outcomeOf(await start(gameId))).to.equal('success');
      expect(await outcomeOf(await flow.lobby.stop(gameId))).to.equal('success');
    }
    proxy.onCall = (call) => (isRemove(call) ? held.promise : 'pass');
    const restarts = await Promise.all(stuck.map(start));
    expect(await outcomeOf(await start())).to.equal('success');
    await eventually(async () => (await rowsThatAre('running')) === stuck.length, {
      what: 'all others to have ended',
    });

    held.resolve('pass');
    for (const restart of restarts) expect(await outcomeOf(restart)).to.equal('success');
  });
});
