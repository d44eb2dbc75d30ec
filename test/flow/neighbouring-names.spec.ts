import { createHash } from 'node:crypto';
import { expect } from 'chai';
import { shortId } from '../../dev/session.ts';
import { inspect } from '../helpers/containers.ts';
import { GAME_IMAGE } from '../helpers/docker.ts';
import { type Flow, makeFlow } from '../helpers/flow.ts';
import { runInside } from '../helpers/inside-network.ts';
import { type Rtm, startRtm } from '../helpers/rtm.ts';

describe('games whose ids differ only in case, and ids that are no host names', () => {
  let flow: Flow;
  let rtm: Rtm;

  before(async () => {
    flow = await makeFlow();
    rtm = await startRtm(flow.world);
  });
  after(async () => {
    await rtm?.close();
    await flow?.destroy();
  });

  it('each endpoint resolves, inside the network, to exactly the container of its own game', async () => {
    const id = shortId();
    const games = [`Abc-${id}`, `abc-${id}`, `ABC-${id}`, `a.5-${id}.7`, `${'long-'.repeat(20)}${id}`];
    const requests = await Promise.all(games.map((gameId) => flow.lobby.start(gameId, GAME_IMAGE)));
    const answers = await Promise.all(requests.map((request) => flow.lobby.answerTo(request)));
    const endpoints = answers.map(({ fields }) => fields.engine_endpoint ?? '');
    expect(answers.map(({ fields }) => fields.outcome)).to.deep.equal(games.map(() => 'success'));
    expect(new Set(endpoints).size).to.equal(games.length);
    for (const endpoint of endpoints) {
      const { hostname } = new URL(endpoint);
      expect(endpoint).to.equal(`http://${hostname}:8080`);
      expect(hostname).to.equal(hostname.toLowerCase()).and.have.length.at.most(63);
    }

    const containers = await Promise.all(answers.map(({ fields }) => inspect(fields.container_id ?? '')));
    const addresses = containers.map(
      (container) => container?.NetworkSettings.Networks[flow.world.network.name]?.IPAddress,
    );
    const resolved = await runInside(
      flow.world.network.name,
      `import { lookup } from 'node:dns/promises';
       const found = [];
       for (const endpoint of ${JSON.stringify(endpoints)}) {
         const all = await lookup(new URL(endpoint).hostname, { all: true, family: 4 });
         const healthy = (await ask(endpoint + '/healthz')).ok;
         found.push({ addresses: all.map((one) => one.address), healthy });
       }
       say(found);`,
    );
    expect(resolved).to.deep.equal(addresses.map((address) => ({ addresses: [address], healthy: true })));
  });

  it('the name of a game with capitals is lower case with a short hash, the same always', async () => {
    const gameId = `Caps-${shortId()}`;
    const { fields } = await flow.lobby.answerTo(await flow.lobby.start(gameId, GAME_IMAGE));
    const hash = createHash('sha256').update(gameId).digest('hex').slice(0, 10);
    expect(fields.engine_endpoint).to.equal(`http://galaxy-game-${gameId.toLowerCase()}-${hash}:8080`);
    await flow.lobby.answerTo(await flow.lobby.stop(gameId));
    const again = await flow.lobby.answerTo(await flow.lobby.start(gameId, GAME_IMAGE));
    expect(again.fields.engine_endpoint).to.equal(fields.engine_endpoint);
    expect(again.fields.container_id).not.to.equal(fields.container_id);
  });
});
