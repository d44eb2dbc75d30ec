import { expect } from 'chai';
import { containersOf } from '../helpers/containers.ts';
import { GAME_IMAGE } from '../helpers/docker.ts';
import { type DockerProxy, isStart, makeDockerProxy } from '../helpers/docker-proxy.ts';
import { eventually } from '../helpers/eventually.ts';
import { type Flow, makeFlow, newGame } from '../helpers/flow.ts';
import { exchange } from '../helpers/http-exchange.ts';
import { STREAMS } from '../helpers/lobby.ts';
import { bodyOf, makeRestClient } from '../helpers/rest-client.ts';
import { type Rtm, startRtm } from '../helpers/rtm.ts';

describe('the schema is renamed away for a while, as for a restore', () => {
  let flow: Flow;
  let rtm: Rtm;
  let docker: DockerProxy;

  before(async () => {
    flow = await makeFlow();
    docker = await makeDockerProxy();
    rtm = await startRtm(flow.world, {
      RTMANAGER_DOCKER_HOST: docker.host,
      RTMANAGER_PROBE_INTERVAL: '1s',
      RTMANAGER_RECONCILE_INTERVAL: '5s',
    });
  });
  after(async () => {
    await rtm?.close();
    await docker?.destroy();
    await flow?.destroy();
  });

  const readiness = async () => {
    const { status, json } = await exchange(rtm.url, '/readyz');
    const { checks } = json as { checks: Record<string, { status: string; message?: string }> };
    return { status, postgres: checks.postgres };
  };
  const logged = (message: string) =>
    eventually(async () => rtm.log.lines.some((line) => line.message === message), { what: message });

  it('is no ready state and no failure of any request, and all goes on when it is back', async () => {
    const rest = makeRestClient(rtm.url);
    const [before, during, after] = [newGame(), newGame(), newGame()];
    await flow.lobby.answerTo(await flow.lobby.start(before, GAME_IMAGE));

    const started = Promise.withResolvers<void>();
    const mayAnswer = Promise.withResolvers<'pass'>();
    docker.onAnswer = (call) => {
      if (!isStart(call)) return 'pass';
      started.resolve();
      return mayAnswer.promise;
    };
    const underWay = await flow.lobby.start(during, GAME_IMAGE);
    await started.promise;
    docker.onAnswer = undefined;
    await flow.rows.query('alter schema rtmanager rename to elsewhere');
    mayAnswer.resolve('pass');

    const { status, postgres } = await readiness();
    expect([status, postgres?.status]).to.deep.equal([503, 'failed']);
    expect(postgres?.message).to.include('rtmanager');
    for (const answer of [
      await rest.get('/runtimes'),
      await rest.get(`/runtimes/${before}`),
      await rest.post(`/runtimes/${before}/restart`, {}),
    ]) {
      expect(answer.status, answer.path).to.equal(503);
      expect(bodyOf(answer).error).to.include({ code: 'service_unavailable' });
    }
    const waiting = await flow.lobby.start(after, GAME_IMAGE);
    await logged('the outcome could not be written yet, it is tried again');
    await logged('pump interrupted, it goes on from its cursors');

    await flow.rows.query('alter schema elsewhere rename to rtmanager');
    for (const request of [underWay, waiting]) {
      const { fields } = await flow.lobby.answerTo(request);
      expect(fields).to.include({ outcome: 'success' });
    }
    await flow.lobby.answerTo(await flow.lobby.stop(before));
    await eventually(async () => (await readiness()).status === 200, { what: 'ready', timeoutMs: 20_000 });
    expect((await rest.get('/runtimes')).status).to.equal(200);
    for (const gameId of [during, after]) expect(await containersOf(gameId)).to.have.length(1);
    expect(
      await flow.rows.query(`select from rtmanager.operation_log where outcome = 'failure'`),
    ).to.deep.equal([]);
    expect(await flow.lobby.entries(STREAMS.deadLetters)).to.deep.equal([]);
    const told = (await flow.lobby.entries(STREAMS.healthEvents)).map(({ fields }) => fields.event_type);
    expect(told).to.have.members(['container_started', 'container_started', 'container_started']);
  });
});
