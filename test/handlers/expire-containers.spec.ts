import { expect } from 'chai';
import { expireContainers } from '../../handlers/expire-containers.ts';
import { handlers } from '../../handlers/index.ts';
import type { TickContext } from '../../handlers/types.ts';
import type { WaitingGame } from '../../sql/operation-log.ts';
import { type Drift, makeDrift } from '../helpers/drift.ts';
import { refuse } from '../helpers/fake-docker-scripts.ts';
import { type GameView, viewGame } from '../helpers/game-view.ts';
import { type HandlerSide, makeHandlerSide, OLD_IMAGE } from '../helpers/handler-side.ts';

const DAY_MS = 86_400_000;
const NOW = Date.parse('2026-06-01T00:00:00Z');
/** A stopped game that nobody has touched for so many days. */
const stoppedFor = (days: number) => ({
  status: 'stopped' as const,
  stoppedAt: NOW - days * DAY_MS,
  lastOpAt: NOW - days * DAY_MS,
});

describe('the cleanup by age (spec, section 5)', () => {
  let side: HandlerSide;
  let drift: Drift;
  let woken: WaitingGame[];
  before(async () => {
    side = await makeHandlerSide({ RTMANAGER_CONTAINER_RETENTION_DAYS: '7' });
    drift = makeDrift(side);
  });
  after(() => side.close());
  beforeEach(async () => {
    await side.store.clear();
    side.world.containers.clear();
    woken = [];
  });

  const tick = (given: Partial<TickContext> = {}) =>
    expireContainers({
      ...side.tick,
      now: () => NOW,
      wake: async (games) => void woken.push(...games),
      ...given,
    });
  const queued = async () =>
    (await side.store.operations())
      .filter((one) => one.status !== 'finished')
      .map((one) => `${one.game_id} ${one.op_kind} ${one.op_source}`);
  const kinds = (view: GameView) =>
    view.operations.map((one) => `${one.op_kind} ${one.error_code ?? one.outcome}`);

  it('removes the container of a game that was stopped too long ago, and the log says why', async () => {
    const container = await side.putGame('old', stoppedFor(8));
    await tick();
    expect(await queued()).to.deep.equal(['old cleanup_container auto_ttl']);
    expect(woken).to.have.length(1);
    expect(woken[0]).to.include({ gameId: 'old', opKind: 'cleanup_container', opSource: 'auto_ttl' });
    await drift.runQueued();
    const view = await viewGame(side, 'old');
    expect(view.containers).to.deep.equal([]);
    expect(view.record).to.include({ status: 'removed', current_container_id: null, never_removed: false });
    expect((await side.store.operations())[0]).to.include({
      op_source: 'auto_ttl',
      source_ref: null,
      outcome: 'success',
      error_code: null,
      container_id: container?.id,
    });
    // What RTM does itself is no incident.
    expect(view.messages).to.deep.equal([]);
    await tick();
    expect(await queued()).to.deep.equal([]);
  });

  it('leaves everything else alone: running, removed, and stopped a moment too short', async () => {
    await side.putGame('running', { ...stoppedFor(8), status: 'running' });
    await side.putGame('removed', { ...stoppedFor(8), status: 'removed' });
    await side.putGame('young', { ...stoppedFor(7), lastOpAt: NOW - 7 * DAY_MS + 1 });
    // Stopped for long, and touched since.
    await side.putGame('touched', { ...stoppedFor(30), lastOpAt: NOW - DAY_MS });
    await tick();
    expect(await queued()).to.deep.equal([]);
    expect(woken).to.deep.equal([]);
    await side.putGame('just', stoppedFor(7));
    await tick();
    expect(await queued()).to.deep.equal(['just cleanup_container auto_ttl']);
  });

  it('goes by the oldest first', async () => {
    for (const days of [9, 30, 8, 20]) await side.putGame(`days-${days}`, stoppedFor(days));
    await tick();
    expect((await queued()).map((one) => one.split(' ')[0])).to.deep.equal([
      'days-30',
      'days-20',
      'days-9',
      'days-8',
    ]);
  });

  it('queues a game once, however often and however many at once', async () => {
    await side.putGame('old', stoppedFor(8));
    await tick();
    await tick();
    await Promise.all([tick(), tick()]);
    expect(await queued()).to.have.length(1);
    expect(woken).to.have.length(1);
  });

  it('leaves a game with something to do for the next tick', async () => {
    await side.putGame('old', stoppedFor(8));
    await side.queue({ gameId: 'old', opKind: 'stop', imageRef: null });
    await tick();
    expect(await queued()).to.deep.equal(['old stop lobby_stream']);
    await side.run('old', 'stop', handlers.stop);
    await tick();
    expect(await queued()).to.deep.equal(['old cleanup_container auto_ttl']);
  });

  it('tries again with a later tick what Docker refused', async () => {
    await side.putGame('old', stoppedFor(8));
    side.api.script('DELETE /containers/:id', refuse(500, 'device or resource busy'));
    for (const _ of [1, 2]) {
      await tick();
      await drift.runQueued();
    }
    expect(kinds(await viewGame(side, 'old'))).to.deep.equal([
      'cleanup_container internal_error',
      'cleanup_container success',
    ]);
  });

  it('takes no days for at once', async () => {
    const config = {
      ...side.tick.config,
      cleanup: { ...side.tick.config.cleanup, containerRetentionMs: 0 },
    };
    await side.putGame('now', stoppedFor(0));
    await side.putGame('running', { status: 'running', lastOpAt: NOW - DAY_MS });
    await tick({ config });
    expect(await queued()).to.deep.equal(['now cleanup_container auto_ttl']);
  });

  it('hands over 1,200 games in one tick', async () => {
    await side.store.rows(
      `insert into rtmanager.runtime_records (game_id, status, current_container_id, current_image_ref, engine_endpoint,
         state_path, docker_network, created_at, stopped_at, last_op_at)
       select 'old-' || n, 'stopped', 'c' || n, 'engine:1', 'http://e', '/s', 'galaxy', now(), at, at
       from (select n, to_timestamp($1) - n * interval '1 day' as at from generate_series(8, 1207) as n) as game`,
      [NOW / 1_000],
    );
    let batches = 0;
    await tick({
      wake: async (games) => {
        batches += 1;
        woken.push(...games);
      },
    });
    expect(await queued()).to.have.length(1_200);
    expect(woken).to.have.length(1_200);
    expect(batches).to.equal(3);
    expect(woken[0]?.gameId).to.equal('old-1207');
    await tick();
    expect(await queued()).to.have.length(1_200);
  });

  describe('looks again when the turn of a game comes', () => {
    it('started meanwhile: nothing is done, and that is success', async () => {
      await side.putGame('old', stoppedFor(8));
      await tick();
      // As a start would have left it that ended between the look at the ages and the queueing.
      await side.store.rows(`update rtmanager.runtime_records set status = 'running', last_op_at = now()`);
      const [container] = side.world.containers.values();
      if (container) container.state = 'running';
      await drift.runQueued();
      const view = await viewGame(side, 'old');
      expect(kinds(view)).to.deep.equal(['cleanup_container replay_no_op']);
      expect(view.containers).to.deep.equal([`${OLD_IMAGE} running`]);
      expect(view.record).to.include({ status: 'running' });
    });

    it('started and stopped again meanwhile: it has not stood still for long, and keeps its container', async () => {
      await side.putGame('old', stoppedFor(8));
      await tick();
      await side.store.rows('update rtmanager.runtime_records set last_op_at = now(), stopped_at = now()');
      await drift.runQueued();
      const view = await viewGame(side, 'old');
      expect(kinds(view)).to.deep.equal(['cleanup_container replay_no_op']);
      expect(view.containers).to.deep.equal([`${OLD_IMAGE} exited`]);
      expect(view.record).to.include({ status: 'stopped', current_container_id: 'the exited container' });
    });

    it('cleaned up by somebody meanwhile: success, nothing more to do', async () => {
      await side.putGame('old', stoppedFor(8));
      await tick();
      await side.store.rows(
        `update rtmanager.runtime_records set status = 'removed', current_container_id = null`,
      );
      await drift.runQueued();
      expect(kinds(await viewGame(side, 'old'))).to.deep.equal(['cleanup_container replay_no_op']);
    });

    it('its container started by hand: conflict, and it runs on until reconcile adopts it', async () => {
      await side.putGame('old', stoppedFor(8));
      await tick();
      const [container] = side.world.containers.values();
      if (container) container.state = 'running';
      await drift.runQueued();
      const view = await viewGame(side, 'old');
      expect(kinds(view)).to.deep.equal(['cleanup_container conflict']);
      expect(view.containers).to.deep.equal([`${OLD_IMAGE} running`]);
      await drift.pass();
      await drift.runQueued();
      await tick();
      expect(await queued()).to.deep.equal([]);
    });

    it('people may clean up at any age', async () => {
      await side.putGame('young', stoppedFor(0));
      await side.queue({
        gameId: 'young',
        opKind: 'cleanup_container',
        opSource: 'admin_rest',
        imageRef: null,
      });
      await side.run('young', 'cleanup_container', handlers.cleanup_container);
      expect(kinds(await viewGame(side, 'young'))).to.deep.equal(['cleanup_container success']);
    });
  });
});
