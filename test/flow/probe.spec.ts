import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { makeMessageValidator } from '../../lib/contracts.ts';
import { docker, GAME_IMAGE } from '../helpers/docker.ts';
import { eventually } from '../helpers/eventually.ts';
import { entriesOf } from '../helpers/failed-start.ts';
import { type Flow, makeFlow, newGame } from '../helpers/flow.ts';
import { exchange } from '../helpers/http-exchange.ts';
import { runInside } from '../helpers/inside-network.ts';
import { type Entry, STREAMS } from '../helpers/lobby.ts';
import { startRtm } from '../helpers/rtm.ts';

/** Short, but each probe may take its time on a busy machine. */
const QUICK = { RTMANAGER_PROBE_INTERVAL: '300ms', RTMANAGER_PROBE_TIMEOUT: '5s' };
/** Grace, and then some failures. */
const PATIENCE = { timeoutMs: 60_000, intervalMs: 100 };

describe('the probe of engines that run (spec, section 5; failure mode 17)', function () {
  this.timeout(120_000);
  let flow: Flow;

  before(async () => {
    flow = await makeFlow();
  });
  after(() => flow?.destroy());

  async function start(): Promise<Record<string, string>> {
    const { fields } = await flow.lobby.answerTo(await flow.lobby.start(newGame(), GAME_IMAGE));
    expect(fields).to.include({ outcome: 'success' });
    return fields;
  }
  const addressOf = async (containerId = ''): Promise<string> => {
    const { NetworkSettings } = await docker.getContainer(containerId).inspect();
    return NetworkSettings.Networks[flow.world.network.name]?.IPAddress ?? '';
  };
  const sign = (gameId: string) => path.join(flow.world.stateRoot.path, gameId, 'unhealthy');
  const eventsOf = async (gameId: string, type: string): Promise<Entry['fields'][]> =>
    (await entriesOf(flow, STREAMS.healthEvents, gameId))
      .map(({ fields }) => fields)
      .filter(({ event_type }) => event_type === type);
  const told = (gameId: string, type: string) =>
    eventually(async () => (await eventsOf(gameId, type))[0], { what: `${type} of ${gameId}`, ...PATIENCE });
  /** Waits until the game's counter stands at so many failures or more. */
  const failedOften = (gameId: string, count: number) =>
    eventually(
      async () => {
        const [counter] = await flow.rows.query(
          'select consecutive_failures as count from rtmanager.probe_counters where game_id = $1',
          [gameId],
        );
        return Number(counter?.count) >= count;
      },
      { what: `${count} failures of ${gameId}`, ...PATIENCE },
    );

  it('tells once that an engine is unwell, and once that it is well again', async () => {
    await using rtm = await startRtm(flow.world, QUICK);
    const [ill, well] = [await start(), await start()];
    const { game_id: gameId = '', container_id: containerId = '' } = ill;
    await writeFile(sign(gameId), '');
    const failure = await told(gameId, 'probe_failed');
    expect(failure).to.include({ game_id: gameId, container_id: containerId });
    expect(failure.occurred_at_ms).to.match(/^\d{13}$/);
    expect(JSON.parse(failure.details ?? '')).to.deep.equal({
      consecutive_failures: 3,
      last_status: 503,
      last_error: '',
    });
    const { json } = await exchange(rtm.url, `/api/v1/internal/runtimes/${gameId}`);
    expect(json).to.have.property('health').that.includes({ status: 'probe_failed', source: 'probe' });

    await failedOften(gameId, 6);
    await rm(sign(gameId));
    const recovery = await told(gameId, 'probe_recovered');
    const { prior_failure_count: failures, ...rest } = JSON.parse(recovery.details ?? '');
    expect([failures >= 6, rest]).to.deep.equal([true, {}]);
    expect(await flow.rows.query('select from rtmanager.probe_counters')).to.deep.equal([]);

    const judge = makeMessageValidator('runtime-health', 'health_event');
    for (const fields of [failure, recovery]) expect(judge(fields)).to.deep.equal({ ok: true });
    expect(await eventsOf(gameId, 'probe_failed')).to.have.length(1);
    expect(await eventsOf(gameId, 'probe_recovered')).to.have.length(1);
    expect(await entriesOf(flow, STREAMS.healthEvents, well.game_id ?? '')).to.have.length(1);
    // Engines are reached at the addresses of their containers: names say nothing on the Docker host.
    expect(rtm.log.lines.map(({ message }) => message)).not.to.include('engines are probed by their names');
  });

  it('counts on in the next replica when one is gone, and tells once', async () => {
    const variables = { ...QUICK, RTMANAGER_PROBE_FAILURES_THRESHOLD: '10' };
    const first = await startRtm(flow.world, variables);
    const { game_id: gameId = '' } = await start();
    await writeFile(sign(gameId), '');
    await failedOften(gameId, 3);
    await first.close();
    await using _second = await startRtm(flow.world, variables);
    const failure = await told(gameId, 'probe_failed');
    expect(JSON.parse(failure.details ?? '')).to.include({ consecutive_failures: 10 });
    await failedOften(gameId, 13);
    expect(await eventsOf(gameId, 'probe_failed')).to.have.length(1);
  });

  it('tells of an engine that hangs', async () => {
    await using _rtm = await startRtm(flow.world, { ...QUICK, RTMANAGER_PROBE_TIMEOUT: '1s' });
    const { game_id: gameId = '', container_id: containerId = '' } = await start();
    const url = `http://${await addressOf(containerId)}:8080/healthz`;
    await eventually(async () => (await fetch(url)).ok, { what: 'the engine to be up' });
    await docker.getContainer(containerId).pause();
    const failure = await told(gameId, 'probe_failed');
    expect(JSON.parse(failure.details ?? '')).to.deep.equal({
      consecutive_failures: 3,
      last_status: null,
      last_error: 'no answer within 1s',
    });
    await docker.getContainer(containerId).unpause();
    await told(gameId, 'probe_recovered');
  });

  it('goes by the names of the engines inside the game network', async () => {
    await using rtm = await startRtm(flow.world);
    const [one, other] = [await start(), await start()];
    await rtm.close();
    const address = await addressOf(one.container_id);
    const engine = ({ container_id: containerId, engine_endpoint: endpoint }: Record<string, string>) =>
      JSON.stringify({ containerId, endpoint, network: flow.world.network.name });
    const said = await runInside(
      flow.world.network.name,
      `const { makeEngineProber } = await import('/rtm/lib/engine-prober.ts');
       await ask('${one.engine_endpoint}/healthz');
       await ask('${other.engine_endpoint}/healthz');
       const lines = [];
       const log = { info: (line) => lines.push(line), warn: (line) => lines.push(line) };
       // Docker tells where one engine is, and nothing more.
       const asked = [];
       const findAddress = async ({ containerId }) => {
         asked.push(containerId);
         return containerId === '${one.container_id}' ? '${address}' : null;
       };
       const prober = makeEngineProber({ docker: { findAddress }, timeoutMs: 5_000, log });
       const { signal } = new AbortController();
       const results = [await prober.probe(${engine(one)}, signal)];
       while (lines.length === 0) await pause();
       results.push(await prober.probe(${engine(one)}, signal), await prober.probe(${engine(other)}, signal));
       prober.close();
       say({ lines, results, asked });`,
    );
    expect(said).to.deep.equal({
      lines: ['engines are probed by their names'],
      results: Array(3).fill({ kind: 'healthy' }),
      asked: [one.container_id],
    });
  });
});
