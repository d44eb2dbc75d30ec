import { expect } from 'chai';
import { handlers } from '../../handlers/index.ts';
import { actThenDrop, actThenRefuse, refuse } from '../helpers/fake-docker-scripts.ts';
import { type GameView, viewGame } from '../helpers/game-view.ts';
import { type HandlerSide, makeHandlerSide } from '../helpers/handler-side.ts';
import { makeStore, type Store } from '../helpers/store.ts';

describe('stop and cleanup find the game in any state (spec, section 4)', () => {
  let store: Store;
  let side: HandlerSide;
  before(async () => {
    store = await makeStore();
  });
  after(() => store.destroy());
  beforeEach(async () => {
    side = await makeHandlerSide({}, store);
  });
  afterEach(() => side.close());

  async function run(kind: 'stop' | 'cleanup_container'): Promise<GameView> {
    await side.queue({ gameId: 'g', opKind: kind, opSource: 'gm_rest', imageRef: null, reason: null });
    await side.run('g', kind, handlers[kind]);
    return viewGame(side, 'g');
  }
  const stop = () => run('stop');
  const cleanup = () => run('cleanup_container');
  const kinds = (view: GameView) =>
    view.operations.map((one) => `${one.op_kind} ${one.error_code ?? one.outcome}`);
  const removals = () => side.api.sent('DELETE /containers/:id').length;

  it('stop of one that had ended by itself: stopped, and its death is told', async () => {
    const container = await side.putGame('g');
    if (container) container.state = 'exited';
    const view = await stop();
    expect(kinds(view)).to.deep.equal(['stop success', 'reconcile_exit success']);
    expect(view.record).to.include({ status: 'stopped', never_stopped: false });
    expect(view.messages.map((one) => one.event_type)).to.deep.equal(['container_exited']);
  });

  it('stop of one that Docker removes by itself: removed, and no incident', async () => {
    const container = await side.putGame('g');
    if (container) container.autoRemove = true;
    const view = await stop();
    expect(view.record).to.include({ status: 'removed' });
    expect(view.messages).to.deep.equal([]);
  });

  it('stop of one that Docker can not kill: a failure that says so, tried once (failure mode 9)', async () => {
    await side.putGame('g');
    side.api.always('POST /containers/:id/stop', refuse(500, 'did not receive an exit event'));
    const view = await stop();
    expect(view.operations[0]).to.include({ error_code: 'internal_error' });
    expect(view.operations[0]?.error_message).to.match(
      /^Docker could not stop container .*: did not receive an exit event$/,
    );
    expect(view.record).to.include({ status: 'running' });
    expect(side.api.sent('POST /containers/:id/stop')).to.have.length(1);
  });

  for (const [how, script] of [
    ['calls an error', actThenRefuse(500, 'context canceled')],
    ['does not answer to', actThenDrop()],
  ] as const) {
    it(`stop that Docker has done and ${how}: stopped, and no incident (failure mode 7)`, async () => {
      await side.putGame('g');
      side.api.script('POST /containers/:id/stop', script);
      await stop();
      // An attempt that got no answer is followed by another one.
      await side.store.rows(`update rtmanager.operation_log set not_before = null where status = 'queued'`);
      await side.run('g', 'stop', handlers.stop);
      const view = await viewGame(side, 'g');
      expect(kinds(view)).to.deep.equal(['stop success']);
      expect(view.record).to.include({ status: 'stopped' });
      expect(view.messages).to.deep.equal([]);
    });
  }

  it('cleanup that Docker has done and calls an error: removed, and no incident (failure mode 7)', async () => {
    await side.putGame('g', { status: 'stopped' });
    side.api.script('DELETE /containers/:id', actThenRefuse(500, 'context canceled'));
    const view = await cleanup();
    expect(kinds(view)).to.deep.equal(['cleanup_container success']);
    expect(view.record).to.include({ status: 'removed', never_removed: false });
    expect(view.messages).to.deep.equal([]);
  });

  it('cleanup of a stopped game: its container goes, the record stays as removed', async () => {
    const container = await side.putGame('g', { status: 'stopped' });
    const other = side.world.put({ name: 'somebody-else', state: 'exited' });
    const view = await cleanup();
    expect(kinds(view)).to.deep.equal(['cleanup_container success']);
    expect(view.record).to.include({ status: 'removed', current_container_id: null, never_removed: false });
    expect([...side.world.containers.keys()]).to.deep.equal([other.id]);
    expect((await side.store.operations())[0]?.container_id).to.equal(container?.id);
    // What RTM does itself is no incident.
    expect(view.messages).to.deep.equal([]);
  });

  it('cleanup that is done already: a replay', async () => {
    await side.putGame('g', { status: 'stopped' });
    await cleanup();
    const view = await cleanup();
    expect(kinds(view)).to.deep.equal(['cleanup_container success', 'cleanup_container replay_no_op']);
    expect(removals()).to.equal(1);
  });

  it('cleanup of a container that somebody removed: removed, success', async () => {
    await side.putGame('g', { status: 'stopped' });
    side.world.containers.clear();
    const view = await cleanup();
    expect(kinds(view)).to.deep.equal(['cleanup_container success']);
    expect(view.record).to.include({ status: 'removed' });
    expect(removals()).to.equal(0);
  });

  it('cleanup of a running game: conflict, and it runs on', async () => {
    await side.putGame('g');
    const view = await cleanup();
    expect(kinds(view)).to.deep.equal(['cleanup_container conflict']);
    expect(view.containers).to.have.length(1);
    expect(view.record).to.include({ status: 'running' });
    expect(removals()).to.equal(0);
  });

  it('cleanup of a stopped game that somebody started by hand: conflict, and it runs on', async () => {
    const container = await side.putGame('g', { status: 'stopped' });
    if (container) container.state = 'running';
    expect(kinds(await cleanup())).to.deep.equal(['cleanup_container conflict']);
    expect(removals()).to.equal(0);
  });

  it('cleanup of a game that died unnoticed: its death is told, and the container goes', async () => {
    const container = await side.putGame('g');
    if (container) container.state = 'exited';
    const view = await cleanup();
    expect(kinds(view)).to.deep.equal(['cleanup_container success', 'reconcile_exit success']);
    expect(view.record).to.include({ status: 'removed' });
    expect(view.messages.map((one) => one.event_type)).to.deep.equal(['container_exited']);
  });

  it('cleanup of a game that vanished unnoticed: its loss is told, and there is nothing more to do', async () => {
    await side.putGame('g');
    side.world.containers.clear();
    const view = await cleanup();
    expect(kinds(view)).to.deep.equal(['cleanup_container success', 'reconcile_dispose success']);
    expect(view.record).to.include({ status: 'removed' });
    expect(view.messages.map((one) => one.event_type)).to.deep.equal(['container_disappeared']);
  });

  it('cleanup that Docker refuses: a failure that says so, and the record is as before', async () => {
    await side.putGame('g', { status: 'stopped' });
    side.api.always('DELETE /containers/:id', refuse(500, 'device or resource busy'));
    const view = await cleanup();
    expect(view.operations[0]?.error_message).to.match(
      /^Docker could not remove container .*: device or resource busy$/,
    );
    expect(view.record).to.include({ status: 'stopped', current_container_id: 'the exited container' });
  });

  it('stop and cleanup of a game without a record: not_found', async () => {
    await stop();
    expect(kinds(await cleanup())).to.deep.equal(['stop not_found', 'cleanup_container not_found']);
  });
});
