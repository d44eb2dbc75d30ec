import { expect } from 'chai';
import { docker, GAME_IMAGE } from '../helpers/docker.ts';
import { type DockerProxy, makeDockerProxy } from '../helpers/docker-proxy.ts';
import { eventually } from '../helpers/eventually.ts';
import { entriesOf } from '../helpers/failed-start.ts';
import { type Flow, makeFlow, newGame } from '../helpers/flow.ts';
import { STREAMS } from '../helpers/lobby.ts';
import { bodyOf, makeRestClient, type RestClient } from '../helpers/rest-client.ts';
import { type Rtm, startRtm } from '../helpers/rtm.ts';

const INTERVAL_MS = 1_000;
/** What the spec grants on top of the interval. */
const MARGIN_MS = 2_000;

type Json = Readonly<Record<string, unknown>>;

describe('what the inspection finds while Docker’s events say nothing', () => {
  let flow: Flow;
  let proxy: DockerProxy;
  let rtm: Rtm;
  let rest: RestClient;

  before(async function () {
    // The first suite of a run waits for PostgreSQL's container.
    this.timeout(60_000);
    flow = await makeFlow();
    proxy = await makeDockerProxy();
    proxy.onCall = ({ path }) => (path.startsWith('/events') ? 'hang' : 'pass');
    rtm = await startRtm(flow.world, {
      RTMANAGER_DOCKER_HOST: proxy.host,
      RTMANAGER_INSPECT_INTERVAL: `${INTERVAL_MS}ms`,
      RTMANAGER_CONTAINER_STOP_TIMEOUT_SECONDS: '5',
    });
    rest = makeRestClient(rtm.url);
  });
  after(async () => {
    await rtm?.close();
    await proxy?.destroy();
    await flow?.destroy();
  });

  /** Waits for the first words of an engine. */
  const untilUp = (containerId: string) =>
    eventually(
      async () => {
        const log: unknown = await docker.getContainer(containerId).logs({ stdout: true, stderr: true });
        return String(log).includes('engine up');
      },
      { what: 'the engine to be up' },
    );
  async function start(): Promise<{ gameId: string; containerId: string }> {
    const { fields } = await flow.lobby.answerTo(await flow.lobby.start(newGame('inspected'), GAME_IMAGE));
    const { game_id: gameId = '', container_id: containerId = '' } = fields;
    await untilUp(containerId);
    return { gameId, containerId };
  }
  const eventsOf = async (gameId: string) =>
    (await entriesOf(flow, STREAMS.healthEvents, gameId)).map(({ fields }) => ({
      type: fields.event_type,
      containerId: fields.container_id,
      details: JSON.parse(fields.details ?? ''),
    }));
  /** The events when there are so many: the snapshot is written before they leave. */
  const eventsAt = (gameId: string, count: number) =>
    eventually(
      async () => {
        const told = await eventsOf(gameId);
        return told.length >= count && told;
      },
      { what: `${count} events of ${gameId}` },
    );
  const healthOf = async (gameId: string): Promise<Json> =>
    bodyOf(await rest.get(`/runtimes/${gameId}`)).health as Json;
  const untilHealth = (gameId: string, status: string) =>
    eventually(async () => (await healthOf(gameId)).status === status, { what: `${gameId} to be ${status}` });
  /** Waits until the container was inspected so many times more. */
  async function inspected(containerId: string, times: number): Promise<void> {
    const looks = () => proxy.calls.filter(({ path }) => path === `/containers/${containerId}/json`).length;
    const before = looks();
    await eventually(() => looks() >= before + times, { what: `${times} more inspections` });
  }
  /** The game's operation of that kind, as anybody may ask for it later. */
  async function operationOf(gameId: string, kind: string): Promise<Json> {
    const { items } = bodyOf(await rest.get(`/runtimes/${gameId}/operations`));
    const found = (items as readonly Json[]).find((one) => one.op_kind === kind);
    expect(found, `no ${kind} in the log`).not.to.equal(undefined);
    return bodyOf(await rest.get(`/operations/${found?.operation_id}`));
  }

  it('a pause is told once, its end changes the snapshot only, and the next pause is told again', async () => {
    const { gameId, containerId } = await start();
    const started = { type: 'container_started', containerId, details: { image_ref: GAME_IMAGE } };
    const details = { restart_count: 0, state: 'paused', health: 'none' };
    const paused = { type: 'inspect_unhealthy', containerId, details };

    await docker.getContainer(containerId).pause();
    await untilHealth(gameId, 'inspect_unhealthy');
    expect(await healthOf(gameId)).to.deep.include({ source: 'inspect', container_id: containerId, details });
    await inspected(containerId, 2);
    expect(await eventsOf(gameId)).to.deep.equal([started, paused]);

    await docker.getContainer(containerId).unpause();
    await untilHealth(gameId, 'healthy');
    expect(await healthOf(gameId)).to.deep.include({ source: 'inspect', details: {} });
    await inspected(containerId, 1);
    expect(await eventsOf(gameId)).to.deep.equal([started, paused]);

    await docker.getContainer(containerId).pause();
    await untilHealth(gameId, 'inspect_unhealthy');
    await docker.getContainer(containerId).unpause();
    await untilHealth(gameId, 'healthy');
    expect(await eventsAt(gameId, 3)).to.deep.equal([started, paused, paused]);
  });

  it('a death is found within an interval and two seconds, and why it died is known later', async () => {
    const { gameId, containerId } = await start();
    const diedAtMs = performance.now();
    await docker.getContainer(containerId).kill();
    await untilHealth(gameId, 'exited');
    expect(performance.now() - diedAtMs).to.be.below(INTERVAL_MS + MARGIN_MS);
    expect(await healthOf(gameId)).to.deep.include({
      source: 'inspect',
      details: { exit_code: 137, oom: false },
    });
    const exited = { type: 'container_exited', containerId, details: { exit_code: 137, oom: false } };
    expect(await eventsAt(gameId, 2)).to.deep.include(exited);

    const before = await operationOf(gameId, 'reconcile_exit');
    expect(before).to.include({ op_source: 'auto_reconcile', container_id: containerId, outcome: 'success' });
    const { finished_at: finishedAt, ...evidence } = before.exit_evidence as Json;
    expect(evidence).to.deep.equal({
      exit_code: 137,
      oom_killed: false,
      last_log_lines: ['engine up, boot 1'],
    });
    const { State } = await docker.getContainer(containerId).inspect();
    expect(finishedAt).to.equal(new Date(State.FinishedAt).toISOString());

    await docker.getContainer(containerId).remove({ force: true });
    expect(await operationOf(gameId, 'reconcile_exit')).to.deep.equal(before);
  });

  it('of a stop the end is kept too: in a stop of its own, inside a restart, and once more by the cleanup', async () => {
    const { gameId, containerId } = await start();
    expect((await rest.post(`/runtimes/${gameId}/restart`, {})).status).to.equal(200);
    const ended = (boot: number) => ({
      exit_code: 0,
      oom_killed: false,
      last_log_lines: [`engine up, boot ${boot}`],
    });
    const evidenceOf = async (kind: string): Promise<Json> => {
      const { exit_evidence: evidence, ...rest } = await operationOf(gameId, kind);
      const { finished_at: finishedAt, ...kept } = evidence as Json;
      expect(Date.parse(String(finishedAt))).to.be.at.most(Date.parse(String(rest.finished_at)));
      return { container_id: rest.container_id, ...kept };
    };
    expect(await evidenceOf('stop')).to.deep.equal({ container_id: containerId, ...ended(1) });
    expect(await operationOf(gameId, 'restart')).to.include({ exit_evidence: null });

    const { current_container_id: second } = bodyOf(await rest.get(`/runtimes/${gameId}`));
    await untilUp(String(second));
    await flow.lobby.answerTo(await flow.lobby.stop(gameId));
    expect(await evidenceOf('stop')).to.deep.equal({ container_id: second, ...ended(2) });
    expect((await rest.delete(`/runtimes/${gameId}/container`)).status).to.equal(200);
    expect(await evidenceOf('cleanup_container')).to.deep.equal({ container_id: second, ...ended(2) });
    expect((await eventsOf(gameId)).map(({ type }) => type)).to.deep.equal([
      'container_started',
      'container_started',
    ]);
  });
});
