import { expect } from 'chai';
import { containersOf, inspect } from '../helpers/containers.ts';
import { docker, GAME_IMAGE, GAME_IMAGE_PATCHED } from '../helpers/docker.ts';
import { type DockerProxy, isEvents, makeDockerProxy } from '../helpers/docker-proxy.ts';
import { entriesOf } from '../helpers/failed-start.ts';
import { type Flow, makeFlow, newGame } from '../helpers/flow.ts';
import { type Entry, STREAMS } from '../helpers/lobby.ts';
import { type Rtm, startRtm } from '../helpers/rtm.ts';

describe('a start of a game that has a record (spec, section 4)', () => {
  let flow: Flow;
  let rtm: Rtm;
  let proxy: DockerProxy;

  before(async () => {
    flow = await makeFlow();
    proxy = await makeDockerProxy();
    // Nobody hears of a death before the start that finds it.
    proxy.onCall = (call) => (isEvents(call) ? 'hang' : 'pass');
    rtm = await startRtm(flow.world, {
      RTMANAGER_CONTAINER_STOP_TIMEOUT_SECONDS: '1',
      RTMANAGER_DOCKER_HOST: proxy.host,
    });
  });
  after(async () => {
    await rtm?.close();
    await proxy?.destroy();
    await flow?.destroy();
  });

  const started = async (gameId: string, imageRef = GAME_IMAGE): Promise<Entry['fields']> =>
    (await flow.lobby.answerTo(await flow.lobby.start(gameId, imageRef))).fields;
  const eventsOf = async (gameId: string) =>
    (await entriesOf(flow, STREAMS.healthEvents, gameId)).map(({ fields }) => ({
      type: fields.event_type,
      containerId: fields.container_id,
      details: JSON.parse(fields.details ?? ''),
    }));

  const deaths = [
    {
      what: 'was killed',
      die: (id: string) => docker.getContainer(id).kill(),
      event: { type: 'container_exited', details: { exit_code: 137, oom: false } },
      entry: 'reconcile_exit',
    },
    {
      what: 'was removed',
      die: (id: string) => docker.getContainer(id).remove({ force: true }),
      event: { type: 'container_disappeared', details: {} },
      entry: 'reconcile_dispose',
    },
  ] as const;
  for (const { what, die, event, entry } of deaths) {
    it(`running by the record, but its container ${what}: corrected first, then started`, async () => {
      const gameId = newGame();
      const { container_id: first = '' } = await started(gameId);
      await die(first);
      const fields = await started(gameId);
      expect(fields).to.include({ outcome: 'success', error_code: '' });
      expect(fields.container_id).not.to.equal(first);
      expect((await containersOf(gameId)).map(({ Id }) => Id)).to.deep.equal([fields.container_id]);
      expect(await flow.rows.record(gameId)).to.include({
        status: 'running',
        current_container_id: fields.container_id,
      });

      const begun = (containerId: string | undefined) => ({
        type: 'container_started',
        containerId,
        details: { image_ref: GAME_IMAGE },
      });
      // Failure mode 4: 137 alone is a kill, no want of memory.
      expect(await eventsOf(gameId)).to.deep.equal([
        begun(first),
        { ...event, containerId: first },
        begun(fields.container_id),
      ]);
      const [, parent, inner, ...more] = await flow.rows.operations(gameId);
      expect(more).to.deep.equal([]);
      expect(parent).to.include({ op_kind: 'start', outcome: 'success' });
      expect(inner).to.include({
        op_kind: entry,
        op_source: 'auto_reconcile',
        parent_operation_id: parent?.operation_id,
        correlation_id: parent?.correlation_id,
        container_id: first,
        status: 'finished',
        outcome: 'success',
        seq: null,
      });
    });
  }

  it('a death is told even when the start that found it fails', async () => {
    const gameId = newGame();
    const { container_id: first = '' } = await started(gameId);
    await docker.getContainer(first).remove({ force: true });
    const fields = await started(gameId, '127.0.0.1:1/engines/engine:1.0.0');
    expect(fields).to.include({ outcome: 'failure', error_code: 'image_pull_failed' });
    expect((await eventsOf(gameId)).map(({ type }) => type)).to.deep.equal([
      'container_started',
      'container_disappeared',
    ]);
    expect(await flow.rows.record(gameId)).to.include({ status: 'removed' });
    // An explicit start revives a removed game.
    const revived = await started(gameId);
    expect(revived).to.include({ outcome: 'success', error_code: '' });
    expect(await flow.rows.record(gameId)).to.include({ status: 'running', removed_at: null });
  });

  it('stopped: started again, in a new container, also with another image', async () => {
    const gameId = newGame();
    const { container_id: first = '' } = await started(gameId);
    await flow.lobby.answerTo(await flow.lobby.stop(gameId));
    const fields = await started(gameId, GAME_IMAGE_PATCHED);
    expect(fields).to.include({ outcome: 'success', error_code: '' });
    expect((await containersOf(gameId)).map(({ Id }) => Id)).to.deep.equal([fields.container_id]);
    expect(await inspect(first)).to.equal(undefined);
    expect(await flow.rows.record(gameId)).to.include({
      status: 'running',
      current_image_ref: GAME_IMAGE_PATCHED,
      stopped_at: null,
    });
  });

  it('running another image: conflict, and it runs on', async () => {
    const gameId = newGame();
    const { container_id: first = '' } = await started(gameId);
    const fields = await started(gameId, GAME_IMAGE_PATCHED);
    expect(fields).to.include({ outcome: 'failure', error_code: 'conflict', container_id: '' });
    expect((await inspect(first))?.State.Running).to.equal(true);
    expect(await flow.rows.record(gameId)).to.include({ current_image_ref: GAME_IMAGE });
  });

  it('running the same image, spelt otherwise: a replay', async () => {
    const gameId = newGame();
    const first = await started(gameId);
    for (const spelling of [`docker.io/${GAME_IMAGE}`, `index.docker.io/${GAME_IMAGE}`]) {
      expect(await started(gameId, spelling)).to.include({
        outcome: 'success',
        error_code: 'replay_no_op',
        container_id: first.container_id,
        engine_endpoint: first.engine_endpoint,
      });
    }
    expect(await containersOf(gameId)).to.have.length(1);
    expect(await eventsOf(gameId)).to.have.length(1);
  });
});
