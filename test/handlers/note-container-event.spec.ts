import { expect } from 'chai';
import { handlers } from '../../handlers/index.ts';
import { noteContainerEvent } from '../../handlers/note-container-event.ts';
import type { ContainerEvent } from '../../lib/docker/container-events.ts';
import { noteDaemon } from '../../sql/docker-daemon.ts';
import { hang, refuse } from '../helpers/fake-docker-scripts.ts';
import type { FakeContainer } from '../helpers/fake-docker-world.ts';
import { viewGame } from '../helpers/game-view.ts';
import { type HandlerSide, makeHandlerSide, OLD_IMAGE } from '../helpers/handler-side.ts';

describe('an event of Docker is a hint to look (spec, section 5)', () => {
  let side: HandlerSide;
  let container: FakeContainer;

  before(async () => {
    side = await makeHandlerSide();
  });
  after(() => side.close());
  beforeEach(async () => {
    await side.store.clear();
    await noteDaemon(side.store.db, { daemonId: side.world.daemonId, eventCursor: 1n });
    side.world.containers.clear();
    side.api.always('GET /containers/:id/json', (exchange) => exchange.send(exchange.act()));
    const put = await side.putGame('g');
    if (!put) throw new Error('a running game has a container');
    container = put;
  });

  const hear = (action: ContainerEvent['action'], given: Partial<ContainerEvent> = {}) =>
    noteContainerEvent({ action, containerId: container.id, gameId: 'g', atNanos: 1n, ...given }, side.tick);
  /** Runs whatever was queued, as the queues would. */
  async function settle(): Promise<void> {
    for (;;) {
      const [head] = (await side.store.operations()).filter(({ status }) => status === 'queued');
      if (!head) return;
      const kind = head.op_kind as keyof typeof handlers;
      await side.run('g', kind, handlers[kind]);
    }
  }
  const told = async () =>
    (await side.store.messages()).map(({ event_type, details }) => [event_type, JSON.parse(details ?? '')]);
  const logged = async () =>
    (await side.store.operations()).map(
      ({ op_kind, error_code, outcome }) => `${op_kind} ${error_code ?? outcome}`,
    );
  const statusOf = async () => (await viewGame(side, 'g')).record?.status;
  const die = (exitCode: number, oomKilled = false) =>
    Object.assign(container, { state: 'exited', exitCode, oomKilled });
  const EXITED = ['container_exited', { exit_code: 137, oom: false }];
  const GONE = ['container_disappeared', {}];

  it('a restart by hand is told as an exit and a start, once, and the record has the new start', async () => {
    Object.assign(container, { startedAt: '2026-01-01T02:00:00.5Z', endedBeforeAt: '2026-01-01T01:59:59Z' });
    for (let times = 0; times < 2; times += 1) {
      await hear('die', { exitCode: 143 });
      await settle();
    }
    expect(await told()).to.deep.equal([
      ['container_exited', { exit_code: 143, oom: false }],
      ['container_started', { image_ref: OLD_IMAGE }],
    ]);
    expect(await statusOf()).to.equal('running');
    const [row] = await side.store.rows<{ started_at: Date }>(
      'select started_at from rtmanager.runtime_records',
    );
    expect(row?.started_at.toISOString()).to.equal('2026-01-01T02:00:00.500Z');
    expect(await logged()).to.deep.equal(['reconcile_exit success']);
  });

  it('a death is recorded and told once, heard once or three times', async () => {
    die(137);
    for (let times = 0; times < 3; times += 1) {
      await hear('die');
      await settle();
    }
    // 137 without evidence of memory is a kill (failure mode 4).
    expect(await told()).to.deep.equal([EXITED]);
    expect(await logged()).to.deep.equal(['reconcile_exit success']);
    expect((await viewGame(side, 'g')).health).to.include({ status: 'exited', source: 'docker_event' });
  });

  it('is asked for again when an operation replaced the container while it was looked at', async () => {
    side.world.containers.delete(container.id);
    const { id } = side.world.put({ name: 'its successor' });
    side.api.script('GET /containers/:id/json', async ({ act, send }) => {
      await side.store.rows('update rtmanager.runtime_records set current_container_id = $1', [id]);
      send(act());
    });
    expect(await hear('destroy')).to.equal('busy');
    expect(await hear('destroy')).to.equal('done');
    expect(await logged()).to.deep.equal([]);
    expect(await told()).to.deep.equal([]);
  });

  it('137 counts as out of memory only with evidence, by inspection or by event (failure mode 4)', async () => {
    die(137, true);
    expect(await hear('oom')).to.equal('done');
    expect(await hear('die')).to.equal('done');
    await settle();
    await hear('oom');
    expect(await told()).to.deep.equal([
      ['container_oom', {}],
      ['container_exited', { exit_code: 137, oom: true }],
    ]);
    expect((await viewGame(side, 'g')).health).to.include({ status: 'exited' });
  });

  it('evidence of memory is told also where its own event never came (failure mode 4)', async () => {
    die(137, true);
    await hear('die');
    await settle();
    expect(await told()).to.deep.equal([
      ['container_oom', { exit_code: 137 }],
      ['container_exited', { exit_code: 137, oom: true }],
    ]);
  });

  it('evidence that comes after the end is told after it (failure modes 3 and 4)', async () => {
    die(137);
    await hear('die');
    await settle();
    container.oomKilled = true;
    for (let times = 0; times < 2; times += 1) expect(await hear('oom')).to.equal('done');
    expect(await told()).to.deep.equal([EXITED, ['container_oom', {}]]);
    expect((await viewGame(side, 'g')).health).to.include({ status: 'exited' });
  });

  it('a container that survives the want of memory runs on, and is told of once', async () => {
    for (let times = 0; times < 3; times += 1) expect(await hear('oom')).to.equal('done');
    expect(await told()).to.deep.equal([['container_oom', {}]]);
    expect(await statusOf()).to.equal('running');
    expect((await viewGame(side, 'g')).health).to.include({ status: 'oom', source: 'docker_event' });
    expect(await logged()).to.deep.equal([]);
  });

  it('a repeated event of long ago does not replace what was seen since', async () => {
    await hear('oom');
    await side.store.rows("update rtmanager.health_snapshots set status = 'probe_failed', source = 'probe'");
    await hear('oom');
    expect((await viewGame(side, 'g')).health).to.include({ status: 'probe_failed', source: 'probe' });
  });

  const orders: (readonly ContainerEvent['action'][])[] = [
    ['die', 'destroy'],
    ['destroy', 'die'],
    ['destroy'],
    ['die'],
  ];
  for (const order of orders) {
    it(`one that was removed has disappeared, told by ${order.join(', then ')} (failure mode 3)`, async () => {
      side.world.containers.delete(container.id);
      for (const action of order) {
        await hear(action);
        await settle();
      }
      expect(await told()).to.deep.equal([GONE]);
      expect(await logged()).to.deep.equal(['reconcile_dispose success']);
      expect(await statusOf()).to.equal('removed');
    });
  }

  it('one that is being removed is told as gone when it is, not as ended before', async () => {
    die(137);
    container.state = 'removing';
    expect(await hear('die')).to.equal('done');
    expect(await logged()).to.deep.equal([]);
    side.world.containers.delete(container.id);
    await hear('destroy');
    await settle();
    expect(await told()).to.deep.equal([GONE]);
  });

  it('one that ended first and was removed later is told as both', async () => {
    die(137);
    await hear('die');
    await settle();
    side.world.containers.delete(container.id);
    await hear('destroy');
    await settle();
    expect(await told()).to.deep.equal([EXITED, GONE]);
    expect(await statusOf()).to.equal('removed');
  });

  it('an event of a container that runs again, or of another one, changes nothing', async () => {
    expect(await hear('die')).to.equal('done');
    expect(await hear('destroy', { containerId: 'another' })).to.equal('done');
    expect(await hear('die', { gameId: 'of-nobody' })).to.equal('done');
    expect(await hear('die', { gameId: '../etc' })).to.equal('done');
    expect(await hear('oom', { containerId: 'another' })).to.equal('done');
    expect([await logged(), await told()]).to.deep.equal([[], []]);
    expect(await statusOf()).to.equal('running');
  });

  it('waits while an operation has the turn: what RTM stops itself is no incident (failure mode 12)', async () => {
    await side.queue({ gameId: 'g', opKind: 'stop', imageRef: null });
    die(0);
    expect(await hear('die')).to.equal('busy');
    container.state = 'running';
    await settle();
    expect(await hear('die')).to.equal('done');
    expect(await told()).to.deep.equal([]);
    expect(await logged()).to.deep.equal(['stop success']);
  });

  it('waits for the record of a container that dies before its start is on record', async () => {
    await side.store.clear();
    side.world.containers.clear();
    await side.queue({ gameId: 'g', opKind: 'start', imageRef: OLD_IMAGE });
    expect(await hear('die', { containerId: 'not on record yet' })).to.equal('busy');
    await settle();
    const [started] = side.world.containers.values();
    if (!started) throw new Error('the start made a container');
    Object.assign(started, { state: 'exited', exitCode: 3 });
    expect(await hear('die', { containerId: started.id })).to.equal('done');
    await settle();
    expect((await told()).at(-1)).to.deep.equal(['container_exited', { exit_code: 3, oom: false }]);
  });

  it('fails, to be tried again, where Docker can not be asked: nothing is concluded', async () => {
    for (const script of [refuse(500, 'in trouble'), refuse(503, 'starting')]) {
      side.api.script('GET /containers/:id/json', script);
      const failed = await hear('die').then(
        () => 'answered',
        () => 'failed',
      );
      expect(failed).to.equal('failed');
    }
    side.api.always('GET /containers/:id/json', hang());
    const given = new AbortController();
    const hanging = noteContainerEvent(
      { action: 'die', containerId: container.id, gameId: 'g', atNanos: 1n },
      { ...side.tick, signal: given.signal },
    );
    const ended = hanging.then(
      () => 'answered',
      () => 'failed',
    );
    given.abort(new Error('shutting down'));
    expect(await ended).to.equal('failed');
    expect([await logged(), await told()]).to.deep.equal([[], []]);
  });

  it('two that are heard at once queue one operation', async () => {
    die(1);
    const both = await Promise.all([hear('die'), hear('die', { atNanos: 2n })]);
    expect(both).to.include('done');
    expect(await side.store.operations()).to.have.length(1);
    await settle();
    expect(await told()).to.have.length(1);
  });
});
