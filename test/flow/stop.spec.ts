import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { inspect } from '../helpers/containers.ts';
import { docker, GAME_IMAGE } from '../helpers/docker.ts';
import { type DockerProxy, isStop, makeDockerProxy } from '../helpers/docker-proxy.ts';
import { eventually } from '../helpers/eventually.ts';
import { entriesOf } from '../helpers/failed-start.ts';
import { type Flow, makeFlow, newGame } from '../helpers/flow.ts';
import { type Entry, STREAMS } from '../helpers/lobby.ts';
import { type Rtm, startRtm } from '../helpers/rtm.ts';

describe('a stop job (spec, section 4)', () => {
  let flow: Flow;
  let proxy: DockerProxy;
  let rtm: Rtm;

  before(async () => {
    flow = await makeFlow();
    proxy = await makeDockerProxy();
    rtm = await startRtm(flow.world, {
      RTMANAGER_CONTAINER_STOP_TIMEOUT_SECONDS: '1',
      RTMANAGER_DOCKER_HOST: proxy.host,
    });
  });
  afterEach(() => {
    proxy.onCall = undefined;
  });
  after(async () => {
    await rtm?.close();
    await proxy?.destroy();
    await flow?.destroy();
  });

  async function start(): Promise<{ gameId: string; containerId: string; endpoint: string }> {
    const { fields } = await flow.lobby.answerTo(await flow.lobby.start(newGame(), GAME_IMAGE));
    const { game_id: gameId = '', container_id: containerId = '', engine_endpoint: endpoint = '' } = fields;
    await booted(gameId, 1); // before that it does not know what SIGTERM means
    return { gameId, containerId, endpoint };
  }
  /** The engine counts its boots in its state directory. */
  const booted = (gameId: string, times: number): Promise<boolean> =>
    eventually(
      async () => {
        const state = await readFile(path.join(flow.world.stateRoot.path, gameId, 'state.json'), 'utf8');
        return JSON.parse(state).boot === times;
      },
      { what: `boot ${times} of the engine` },
    );
  const stopped = async (gameId: string, reason?: string): Promise<Entry['fields']> =>
    (await flow.lobby.answerTo(await flow.lobby.stop(gameId, reason))).fields;
  const eventTypes = async (gameId: string) =>
    (await entriesOf(flow, STREAMS.healthEvents, gameId)).map(({ fields }) => fields.event_type);

  it('ends the container by SIGTERM, keeps it, and records stopped; it is no incident', async () => {
    const { gameId, containerId, endpoint } = await start();
    expect(await stopped(gameId, 'cancelled')).to.deep.include({
      game_id: gameId,
      outcome: 'success',
      container_id: containerId,
      engine_endpoint: endpoint,
      error_code: '',
      error_message: '',
      op_kind: 'stop',
    });
    expect((await inspect(containerId))?.State).to.include({ Status: 'exited', ExitCode: 0 });
    const record = await flow.rows.record(gameId);
    expect(record).to.include({ status: 'stopped', current_container_id: containerId });
    expect(record?.stopped_at).to.be.a('date');
    const [, operation] = await flow.rows.operations(gameId);
    expect(operation).to.include({ op_kind: 'stop', reason: 'cancelled', outcome: 'success' });
    expect(await eventTypes(gameId)).to.deep.equal(['container_started']);
  });

  it('kills an engine that ignores SIGTERM after the grace period', async () => {
    const { gameId, containerId } = await start();
    await writeFile(path.join(flow.world.stateRoot.path, gameId, 'ignore-sigterm'), '');
    expect(await stopped(gameId)).to.include({ outcome: 'success', error_code: '' });
    expect((await inspect(containerId))?.State).to.include({ Status: 'exited', ExitCode: 137 });
    expect(await flow.rows.record(gameId)).to.include({ status: 'stopped' });
  });

  it('that comes again is a replay and changes nothing', async () => {
    const { gameId, containerId } = await start();
    await stopped(gameId);
    const before = await flow.rows.record(gameId);
    expect(await stopped(gameId)).to.include({
      outcome: 'success',
      error_code: 'replay_no_op',
      container_id: containerId,
    });
    expect(await flow.rows.record(gameId)).to.deep.equal(before);
  });

  it('of a game that was never started: not_found, and no record', async () => {
    const gameId = newGame();
    expect(await stopped(gameId)).to.include({
      outcome: 'failure',
      error_code: 'not_found',
      container_id: '',
      engine_endpoint: '',
    });
    expect(await flow.rows.record(gameId)).to.equal(undefined);
  });

  it('of a game whose container vanishes: removed, success, and the loss is told', async () => {
    const { gameId, containerId } = await start();
    // While the stop has the game's turn; before, RTM could have heard of it, and there would be nothing to stop.
    proxy.onCall = async (call) => {
      if (isStop(call)) await docker.getContainer(containerId).remove({ force: true });
      return 'pass' as const;
    };
    expect(await stopped(gameId)).to.include({ outcome: 'success', error_code: '' });
    const record = await flow.rows.record(gameId);
    expect(record).to.include({ status: 'removed' });
    expect(record?.removed_at).to.be.a('date');
    expect(await eventTypes(gameId)).to.deep.equal(['container_started', 'container_disappeared']);
    const [, stop, inner] = await flow.rows.operations(gameId);
    expect(inner).to.include({ op_kind: 'reconcile_dispose', parent_operation_id: stop?.operation_id });
    expect(await stopped(gameId)).to.include({ outcome: 'success', error_code: 'replay_no_op' });
  });

  it('never touches the state directory', async () => {
    const { gameId } = await start();
    await stopped(gameId);
    await flow.lobby.answerTo(await flow.lobby.start(gameId, GAME_IMAGE));
    await booted(gameId, 2);
  });
});
