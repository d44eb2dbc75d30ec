import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { OPERATION_LABEL } from '../../lib/docker/labels.ts';
import { inspect, leaveContainer, ownLabels } from '../helpers/containers.ts';
import { docker, GAME_IMAGE } from '../helpers/docker.ts';
import { eventually } from '../helpers/eventually.ts';
import { entriesOf } from '../helpers/failed-start.ts';
import { type Flow, makeFlow, newGame } from '../helpers/flow.ts';
import { type Entry, STREAMS } from '../helpers/lobby.ts';
import { bodyOf, makeRestClient } from '../helpers/rest-client.ts';
import { type Rtm, startRtm } from '../helpers/rtm.ts';

/** A busy machine may take its time to find that nothing is left. */
const MEMORY_MS = 60_000;

describe('what happens to containers behind the back of RTM (spec, section 5)', () => {
  let flow: Flow;
  const replicas: Rtm[] = [];

  before(async () => {
    flow = await makeFlow();
    for (let one = 0; one < 2; one += 1) {
      replicas.push(await startRtm(flow.world, { RTMANAGER_CONTAINER_STOP_TIMEOUT_SECONDS: '1' }));
    }
  });
  after(async () => {
    await Promise.all(replicas.map((one) => one.close()));
    await flow?.destroy();
  });

  const started = async (gameId: string): Promise<string> => {
    const { fields } = await flow.lobby.answerTo(await flow.lobby.start(gameId, GAME_IMAGE));
    expect(fields).to.include({ outcome: 'success' });
    return fields.container_id ?? '';
  };
  const eventsOf = async (gameId: string) =>
    (await entriesOf(flow, STREAMS.healthEvents, gameId)).map(({ fields }: Entry) => ({
      type: fields.event_type,
      containerId: fields.container_id,
      details: JSON.parse(fields.details ?? ''),
    }));
  /** What any replica says is the matter with it. */
  const causeOf = async (gameId: string) =>
    bodyOf(await makeRestClient(replicas[0]?.url ?? '').get(`/runtimes/${gameId}/explain`)).cause;
  /** Leaves so little that it is eaten in a moment. */
  const takeMemory = (id: string) =>
    docker.getContainer(id).update({ Memory: 96 << 20, MemorySwap: 96 << 20 });
  const begun = (containerId: string) => ({
    type: 'container_started',
    containerId,
    details: { image_ref: GAME_IMAGE },
  });
  const deaths = [
    {
      what: 'is killed',
      die: (id: string) => docker.getContainer(id).kill(),
      event: { type: 'container_exited', details: { exit_code: 137, oom: false } },
      record: { status: 'stopped' },
      snapshot: 'exited',
      opKind: 'reconcile_exit',
      cause: 'engine_killed',
    },
    {
      what: 'is removed by force',
      die: (id: string) => docker.getContainer(id).remove({ force: true }),
      event: { type: 'container_disappeared', details: {} },
      record: { status: 'removed', current_container_id: null },
      snapshot: 'container_disappeared',
      opKind: 'reconcile_dispose',
      cause: 'container_removed',
    },
  ] as const;
  for (const { what, die, event, record, snapshot, opKind, cause } of deaths) {
    it(`a container that ${what} is told of exactly once, by two replicas, and explained`, async () => {
      const gameId = newGame();
      const containerId = await started(gameId);
      await die(containerId);
      await eventually(async () => (await eventsOf(gameId)).length > 1, { what: 'the death to be told' });
      await flow.rows.settled();
      expect(await eventsOf(gameId)).to.deep.equal([begun(containerId), { ...event, containerId }]);
      expect(await flow.rows.record(gameId)).to.include(record);
      const [health] = await flow.rows.query(
        'select status, source from rtmanager.health_snapshots where game_id = $1',
        [gameId],
      );
      expect(health).to.deep.equal({ status: snapshot, source: 'docker_event' });
      const [, found, ...more] = await flow.rows.operations(gameId);
      expect(more).to.deep.equal([]);
      expect(found).to.include({
        op_kind: opKind,
        op_source: 'auto_reconcile',
        container_id: containerId,
        outcome: 'success',
      });
      expect(await causeOf(gameId)).to.equal(cause);
    });
  }

  it('an engine that runs out of memory is told as that, and its end too, once each (failure mode 4)', async function () {
    this.timeout(2 * MEMORY_MS);
    const gameId = newGame();
    const containerId = await started(gameId);
    await takeMemory(containerId);
    await writeFile(path.join(flow.world.stateRoot.path, gameId, 'eat-memory'), '');
    await eventually(async () => (await eventsOf(gameId)).length === 3, {
      what: 'the end',
      timeoutMs: MEMORY_MS,
    });
    await flow.rows.settled();
    const [first, ...ends] = await eventsOf(gameId);
    expect(first).to.deep.equal(begun(containerId));
    // Docker may tell of the end before it knows the reason: then that is told behind it.
    const [oom, exited] = ends.toSorted((one, other) => (String(one.type) > String(other.type) ? -1 : 1));
    expect(oom).to.include({ type: 'container_oom', containerId });
    expect([{}, { exit_code: 137 }]).to.deep.include(oom?.details);
    expect(exited).to.deep.equal({
      type: 'container_exited',
      containerId,
      details: { exit_code: 137, oom: ends[0] === oom },
    });
    expect(await flow.rows.record(gameId)).to.include({ status: 'stopped' });
    expect(await causeOf(gameId)).to.equal('out_of_memory');
  });

  it('want of memory that the engine survives is told, and the game runs on', async function () {
    this.timeout(2 * MEMORY_MS);
    const gameId = newGame();
    const containerId = await started(gameId);
    await takeMemory(containerId);
    const hog = await docker.getContainer(containerId).exec({
      Cmd: ['node', '-e', 'const eaten = []; for (;;) eaten.push(Buffer.alloc(2 ** 24, 1))'],
    });
    (await hog.start({ Detach: true })).destroy();
    await eventually(async () => (await eventsOf(gameId)).length > 1, {
      what: 'it to be told',
      timeoutMs: MEMORY_MS,
    });
    await flow.rows.settled();
    expect((await eventsOf(gameId)).slice(1)).to.deep.equal([
      { type: 'container_oom', containerId, details: {} },
    ]);
    expect((await inspect(containerId))?.State.Running).to.equal(true);
    expect(await flow.rows.record(gameId)).to.include({
      status: 'running',
      current_container_id: containerId,
    });
    expect(await causeOf(gameId)).to.equal('memory_short');
  });

  it('what RTM does itself is no incident', async () => {
    const gameId = newGame();
    const containerId = await started(gameId);
    await flow.lobby.answerTo(await flow.lobby.stop(gameId));
    const second = await started(gameId);
    await flow.rows.settled();
    expect(await eventsOf(gameId)).to.deep.equal([begun(containerId), begun(second)]);
    expect((await flow.rows.operations(gameId)).map(({ op_kind }) => op_kind)).to.deep.equal([
      'start',
      'stop',
      'start',
    ]);
  });

  it('containers of others die untold, and stay where they are', async () => {
    const { name: network } = flow.world.network;
    const others = {
      unlabelled: {},
      'of another owner': { ...ownLabels(newGame()), 'com.galaxy.owner': 'somebody' },
      'ours without a record': { ...ownLabels(newGame()), [OPERATION_LABEL]: 'unknown' },
    };
    const ids = await Promise.all(
      Object.values(others).map((labels) => leaveContainer({ name: newGame('other'), network, labels })),
    );
    for (const id of ids) await docker.getContainer(id).kill();
    const witness = newGame();
    await docker.getContainer(await started(witness)).kill();
    await eventually(async () => (await eventsOf(witness)).length === 2, {
      what: 'a later death to be told',
    });
    await flow.rows.settled();
    for (const id of ids) expect((await inspect(id))?.State.Status).to.equal('exited');
    for (const labels of Object.values(others)) {
      const gameId = String((labels as Record<string, string>)['com.galaxy.game_id']);
      expect(await flow.rows.record(gameId)).to.equal(undefined);
      expect(await eventsOf(gameId)).to.deep.equal([]);
    }
  });
});
