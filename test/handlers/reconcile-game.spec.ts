import { expect } from 'chai';
import { handlers } from '../../handlers/index.ts';
import type { ReconcileOpKind } from '../../lib/reconcile-plan.ts';
import type { RunReport } from '../../queues/run-report.ts';
import { noteDaemon } from '../../sql/docker-daemon.ts';
import { crashingAt } from '../helpers/crash.ts';
import { type Drift, makeDrift } from '../helpers/drift.ts';
import { drop, refuse } from '../helpers/fake-docker-scripts.ts';
import { type GameView, viewGame } from '../helpers/game-view.ts';
import { type HandlerSide, makeHandlerSide, OLD_IMAGE } from '../helpers/handler-side.ts';

const INSPECT = 'GET /containers/:id/json';
const REMOVE = 'DELETE /containers/:id';

/** Each looks at Docker again when its turn comes, and does what is called for then (spec, section 5). */
describe('a reconcile operation', () => {
  let side: HandlerSide;
  let drift: Drift;
  before(async () => {
    side = await makeHandlerSide();
    drift = makeDrift(side);
  });
  after(() => side.close());
  beforeEach(async () => {
    await side.store.clear();
    side.world.containers.clear();
    side.world.daemonId = 'THE:DAEMON';
    await noteDaemon(side.store.db, { daemonId: 'THE:DAEMON', eventCursor: 0n });
  });

  const queue = (opKind: ReconcileOpKind, reason = 'reconcile') =>
    side.queue({ gameId: 'g', opKind, opSource: 'auto_reconcile', imageRef: null, reason });
  const attempt = (kind: ReconcileOpKind, handler = handlers[kind]): Promise<RunReport> =>
    side.run('g', kind, handler);
  /** Runs one, and once more on what it left, which must change nothing. */
  async function run(kind: ReconcileOpKind, reason?: string): Promise<GameView> {
    await queue(kind, reason);
    await attempt(kind);
    const view = await viewGame(side, 'g');
    await queue(kind, reason);
    await attempt(kind);
    const again = await viewGame(side, 'g');
    const [first, ...inner] = view.operations;
    const [one, other, ...rest] = again.operations;
    expect([one, ...rest], 'run twice').to.deep.equal([first, ...inner]);
    expect(other, 'run twice').to.include({ op_kind: kind, error_code: 'replay_no_op' });
    expect({ ...again, operations: [] }, 'run twice').to.deep.equal({ ...view, operations: [] });
    return view;
  }
  const tellings = ({ messages }: GameView) =>
    messages.map(({ event_type, details }) => [event_type, JSON.parse(String(details))]);

  describe('adopts', () => {
    it('a running container without a record', async () => {
      drift.putContainer('g');
      const view = await run('reconcile_adopt');
      expect(view.record).to.include({
        status: 'running',
        current_container_id: 'the running container',
        current_image_ref: OLD_IMAGE,
        image_digest: `sha256:${OLD_IMAGE}`,
        never_stopped: true,
      });
      expect(view.health).to.include({
        status: 'healthy',
        source: 'reconcile',
        container_id: 'the running container',
        details: '{}',
      });
      expect(view.operations).to.have.length(1);
      expect(view.operations[0]).to.include({
        op_kind: 'reconcile_adopt',
        op_source: 'auto_reconcile',
        outcome: 'success',
        error_code: null,
        container_id: 'the running container',
        image_ref: OLD_IMAGE,
      });
      // The streams have no event for it.
      expect(view.messages).to.deep.equal([]);
    });

    it('a stopped game’s container that somebody started', async () => {
      const container = await side.putGame('g', { status: 'stopped', stoppedAt: 1_767_229_200_000 });
      if (container) container.state = 'running';
      const view = await run('reconcile_adopt', 'docker_event');
      expect(view.record).to.include({ status: 'running', never_stopped: true });
      expect(view.health).to.include({ status: 'healthy', source: 'docker_event' });
      expect(view.messages).to.deep.equal([]);
    });

    it('one of two, and removes the other when an ended operation made it; the log has an entry for each', async () => {
      drift.putContainer('g', { name: 'galaxy-game-g' });
      const left = drift.putContainer('g', { state: 'exited', operationId: await drift.putEnded('g') });
      await queue('reconcile_adopt');
      await attempt('reconcile_adopt');
      expect([...side.world.containers.values()].map((one) => one.name)).to.deep.equal(['galaxy-game-g']);
      const [, outer, inner, ...more] = await side.store.operations();
      expect(more).to.deep.equal([]);
      expect(outer).to.include({ op_kind: 'reconcile_adopt', outcome: 'success' });
      expect(inner).to.include({
        op_kind: 'reconcile_dispose',
        op_source: 'auto_reconcile',
        parent_operation_id: outer?.operation_id,
        container_id: left.id,
        image_ref: OLD_IMAGE,
        outcome: 'success',
      });
    });
  });

  describe('records an exit', () => {
    it('with its code, once', async () => {
      const container = await side.putGame('g');
      if (container) Object.assign(container, { state: 'exited', exitCode: 3 });
      const view = await run('reconcile_exit');
      expect(view.record).to.include({
        status: 'stopped',
        current_container_id: 'the exited container',
        never_stopped: false,
      });
      expect(view.health).to.include({
        status: 'exited',
        source: 'reconcile',
        container_id: 'the exited container',
      });
      expect(tellings(view)).to.deep.equal([['container_exited', { exit_code: 3, oom: false }]]);
      expect(view.messages[0]).to.include({
        channel: 'health_events',
        game_id: 'g',
        container_id: 'the exited container',
      });
      expect(view.operations[0]).to.include({
        op_kind: 'reconcile_exit',
        op_source: 'auto_reconcile',
        outcome: 'success',
        error_code: null,
        container_id: 'the exited container',
        image_ref: OLD_IMAGE,
      });
    });

    it('for want of memory, which is told first and counts as one with what Docker’s event told before', async () => {
      const container = await side.putGame('g');
      if (!container) throw new Error('no container');
      Object.assign(container, { state: 'exited', exitCode: 137, oomKilled: true });
      await queue('reconcile_exit');
      await attempt('reconcile_exit');
      expect(tellings(await viewGame(side, 'g'))).to.deep.equal([
        ['container_oom', { exit_code: 137 }],
        ['container_exited', { exit_code: 137, oom: true }],
      ]);
      // Started by hand and killed again before anybody looked: the exit is another one.
      await side.store.rows(`update rtmanager.runtime_records set status = 'running'`);
      await queue('reconcile_exit');
      await attempt('reconcile_exit');
      expect(tellings(await viewGame(side, 'g')).map(([type]) => type)).to.deep.equal([
        'container_oom',
        'container_exited',
        'container_exited',
      ]);
    });
  });

  describe('disposes of', () => {
    for (const status of ['running', 'stopped'] as const) {
      it(`a ${status} game whose container is gone (failure mode 11)`, async () => {
        const container = await side.putGame('g', { status });
        side.world.containers.clear();
        const view = await run('reconcile_dispose');
        expect(view.record).to.include({
          status: 'removed',
          current_container_id: null,
          never_removed: false,
        });
        expect(view.health).to.include({
          status: 'container_disappeared',
          source: 'reconcile',
          details: '{}',
        });
        expect(tellings(view)).to.deep.equal([['container_disappeared', {}]]);
        const [logged] = await side.store.operations();
        expect(logged).to.include({
          op_kind: 'reconcile_dispose',
          op_source: 'auto_reconcile',
          outcome: 'success',
          error_code: null,
          container_id: container?.id,
        });
        expect((await side.store.messages())[0]).to.include({ container_id: container?.id });
      });
    }

    it('none whose container answers after all', async () => {
      await side.putGame('g');
      const view = await run('reconcile_dispose');
      expect(view.operations[0]).to.include({ error_code: 'replay_no_op' });
      expect(view.record).to.include({ status: 'running', current_container_id: 'the running container' });
    });

    it('none while the inspection fails, and it is tried again (failure mode 11)', async () => {
      await side.putGame('g');
      side.world.containers.clear();
      side.api.script(INSPECT, refuse(500, 'driver failed'), drop());
      await queue('reconcile_dispose');
      for (const _ of [1, 2]) {
        expect((await attempt('reconcile_dispose')).result).to.equal('postponed');
        expect((await viewGame(side, 'g')).record).to.include({ status: 'running' });
        await side.store.rows('update rtmanager.operation_log set not_before = now()');
      }
      expect((await attempt('reconcile_dispose')).result).to.equal('success');
      expect((await viewGame(side, 'g')).record).to.include({ status: 'removed' });
    });

    it('none by the word of another daemon than the records tell of (failure mode 11)', async () => {
      await side.putGame('g');
      side.world.containers.clear();
      side.world.daemonId = 'ANOTHER:DAEMON';
      const view = await run('reconcile_dispose');
      expect(view.operations[0]).to.include({ error_code: 'replay_no_op' });
      expect(view.record).to.include({ status: 'running' });
      expect(view.messages).to.deep.equal([]);
    });

    it('none before it is known which daemon the records tell of (failure mode 11)', async () => {
      await side.putGame('g');
      side.world.containers.clear();
      await side.store.rows('delete from rtmanager.docker_daemon');
      expect((await run('reconcile_dispose')).record).to.include({ status: 'running' });
    });
  });

  describe('removes what an ended operation left', () => {
    for (const state of ['running', 'exited'] as const) {
      it(`of a removed game, ${state}: the log names it`, async () => {
        await side.putGame('g', { status: 'removed' });
        const left = drift.putContainer('g', { state, operationId: await drift.putEnded('g') });
        await queue('reconcile_dispose');
        await attempt('reconcile_dispose');
        expect([...side.world.containers.keys()]).to.deep.equal([]);
        const view = await viewGame(side, 'g');
        expect(view.record).to.include({ status: 'removed' });
        expect(view.messages).to.deep.equal([]);
        const [, logged, ...more] = await side.store.operations();
        expect(more).to.deep.equal([]);
        expect(logged).to.include({
          op_kind: 'reconcile_dispose',
          outcome: 'success',
          error_code: null,
          container_id: left.id,
          image_ref: OLD_IMAGE,
        });
      });
    }

    it('of a running game, beside its own container: the log names what was removed', async () => {
      const own = await side.putGame('g');
      const operationId = await drift.putEnded('g');
      const left = [
        drift.putContainer('g', { operationId }),
        drift.putContainer('g', { operationId, state: 'created' }),
      ];
      await queue('reconcile_dispose');
      await attempt('reconcile_dispose');
      expect([...side.world.containers.keys()]).to.deep.equal([own?.id]);
      const [, outer, inner] = await side.store.operations();
      expect([outer?.container_id, inner?.container_id]).to.have.members(left.map((one) => one.id));
      expect((await viewGame(side, 'g')).record).to.include({
        current_container_id: 'the running container',
      });
    });

    it('but nothing of one that ended a moment ago: its calls may still be under way (failure mode 12)', async () => {
      drift.putContainer('g', { state: 'created', operationId: await drift.putEnded('g', 60_000) });
      await queue('reconcile_dispose');
      expect(await attempt('reconcile_dispose')).to.include({ error_code: 'replay_no_op' });
      expect(side.world.containers.size).to.equal(1);
    });

    it('what Docker keeps fails it, after everything else is done and recorded', async () => {
      const operationId = await drift.putEnded('g');
      drift.putContainer('g', { name: 'galaxy-game-g' });
      drift.putContainer('g', { name: 'first', operationId, state: 'exited' });
      drift.putContainer('g', { name: 'second', operationId, state: 'exited' });
      side.api.script(REMOVE, refuse(500, 'device or resource busy'));
      await queue('reconcile_adopt');
      expect(await attempt('reconcile_adopt')).to.include({
        result: 'failure',
        error_code: 'internal_error',
      });
      const view = await viewGame(side, 'g');
      expect(view.operations[1]?.error_message).to.match(
        /^Docker could not remove container .*: device or resource busy$/,
      );
      expect(view.record).to.include({ status: 'running' });
      expect([...side.world.containers.values()].map((one) => one.name)).to.deep.equal([
        'galaxy-game-g',
        'first',
      ]);
      // Once more, when Docker lets it go.
      await queue('reconcile_dispose');
      expect(await attempt('reconcile_dispose')).to.include({ result: 'success' });
      expect(side.world.containers.size).to.equal(1);
    });

    it('is no replay when the attempt before died behind the removal', async () => {
      drift.putContainer('g', { state: 'exited', operationId: await drift.putEnded('g') });
      await queue('reconcile_dispose');
      const dying = crashingAt(handlers.reconcile_dispose, { step: 4, when: 'after' });
      expect((await attempt('reconcile_dispose', dying.handler)).result).to.equal('handed over');
      expect(dying.steps.at(-2)).to.equal('docker.remove');
      await side.store.expireLease('g');
      expect(await attempt('reconcile_dispose')).to.deep.include({ result: 'success', attempt: 2 });
      expect((await side.store.operations())[1]).to.include({ outcome: 'success', error_code: null });
    });
  });

  it('does what is called for at its turn, whatever it was queued for', async () => {
    const container = await side.putGame('g');
    if (container) container.state = 'exited';
    const view = await run('reconcile_dispose');
    expect(view.record).to.include({ status: 'stopped' });
    expect(view.operations.map((one) => [one.op_kind, one.inner, one.error_code])).to.deep.equal([
      ['reconcile_dispose', false, null],
      ['reconcile_exit', true, null],
    ]);
    expect(tellings(view).map(([type]) => type)).to.deep.equal(['container_exited']);
  });

  it('of a game that is in step by now is a replay', async () => {
    await side.putGame('g');
    expect((await run('reconcile_exit')).operations[0]).to.include({ error_code: 'replay_no_op' });
  });

  it('of a game that nobody knows is a replay', async () => {
    expect((await run('reconcile_adopt')).operations[0]).to.include({
      error_code: 'replay_no_op',
      container_id: null,
    });
  });

  it('waits for the end of a removal: that is no exit', async () => {
    const container = await side.putGame('g');
    if (!container) throw new Error('no container');
    container.state = 'removing';
    side.api.script(INSPECT, ({ act, send }) => {
      send(act());
      side.world.containers.delete(container.id);
    });
    await queue('reconcile_exit');
    await attempt('reconcile_exit');
    expect(tellings(await viewGame(side, 'g'))).to.deep.equal([['container_disappeared', {}]]);
  });

  it('leaves containers alone that are not ours', async () => {
    const foreign = drift.putContainer('g', { labels: { 'com.galaxy.owner': 'somebody' } });
    const elsewhere = drift.putContainer('g', { networks: ['other'] });
    expect((await run('reconcile_adopt')).operations[0]).to.include({ error_code: 'replay_no_op' });
    expect([...side.world.containers.values()]).to.deep.equal([foreign, elsewhere]);
  });
});
