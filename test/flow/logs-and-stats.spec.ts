import { expect } from 'chai';
import { assertContract } from '../helpers/assert-contract.ts';
import { docker, GAME_IMAGE } from '../helpers/docker.ts';
import { eventually } from '../helpers/eventually.ts';
import { type Flow, makeFlow, newGame } from '../helpers/flow.ts';
import { exchange } from '../helpers/http-exchange.ts';
import { makeRestClient } from '../helpers/rest-client.ts';
import { type Rtm, startRtm } from '../helpers/rtm.ts';

describe('the log and the measurements of a real engine', () => {
  let flow: Flow;
  let rtm: Rtm;

  before(async () => {
    flow = await makeFlow();
    rtm = await startRtm(flow.world, { RTMANAGER_CONTAINER_STOP_TIMEOUT_SECONDS: '1' });
  });
  after(async () => {
    await rtm?.close();
    await flow?.destroy();
  });

  it('are read while it runs, and its log is followed to its end', async () => {
    const game = newGame();
    const rest = makeRestClient(rtm.url);
    const { json } = await rest.post(`/runtimes/${game}/start`, { image_ref: GAME_IMAGE });
    const { current_container_id: id } = json as { current_container_id: string };
    const text = async () => (await rest.get(`/runtimes/${game}/logs`)).text;
    await eventually(async () => (await text()) === 'engine up, boot 1\n', { what: 'the first line' });

    const followed = exchange(rtm.url, `/api/v1/internal/runtimes/${game}/logs?follow=true&tail=1`);
    const stats = await rest.get(`/runtimes/${game}/stats`);
    expect(stats.json).to.include({
      game_id: game,
      container_id: id,
      cpu_quota: 1,
      memory_limit_bytes: 512 << 20,
    });
    expect((stats.json as { pids: number }).pids).to.be.above(0);
    expect((stats.json as { memory_used_bytes: number }).memory_used_bytes).to.be.within(1 << 20, 512 << 20);

    await docker.getContainer(id).kill();
    const log = await followed;
    assertContract(log);
    expect(log.text).to.equal('engine up, boot 1\n');
    await eventually(async () => (await rest.get(`/runtimes/${game}`)).text.includes('"stopped"'), {
      what: 'the death to be noticed',
    });
    expect(await text()).to.equal('engine up, boot 1\n');
    expect((await rest.get(`/runtimes/${game}/stats`)).status).to.equal(409);
  });
});
