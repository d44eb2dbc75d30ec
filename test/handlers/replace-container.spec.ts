import { expect } from 'chai';
import { handlers } from '../../handlers/index.ts';
import type { RuntimeRecord } from '../../lib/runtime-record.ts';
import { actThenDrop, answer, drop, refuse } from '../helpers/fake-docker-scripts.ts';
import { type GameView, viewGame } from '../helpers/game-view.ts';
import { type HandlerSide, makeHandlerSide, NEW_IMAGE, OLD_IMAGE } from '../helpers/handler-side.ts';
import { makeStore, type Store } from '../helpers/store.ts';

const START = 'POST /containers/:id/start';
const STOP = 'POST /containers/:id/stop';
const PULL = 'POST /images/create';
/** How a container of the fake Docker ends that nothing else is said of. */
const ENDED = {
  exitCode: 0,
  oomKilled: false,
  finishedAt: '2026-01-01T01:00:00.123456789Z',
  lastLogLines: ['engine up'],
};

describe('restart and patch (spec, section 4)', () => {
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

  async function run(kind: 'restart' | 'patch', imageRef: string | null): Promise<GameView> {
    await side.queue({ gameId: 'g', opKind: kind, opSource: 'admin_rest', imageRef });
    await side.run('g', kind, handlers[kind]);
    return viewGame(side, 'g');
  }
  const restart = () => run('restart', null);
  const patch = (imageRef = NEW_IMAGE) => run('patch', imageRef);
  /** The game as it is, with one more operation behind it that failed. */
  async function changesNothing(act: () => Promise<GameView>, given: Partial<RuntimeRecord> = {}) {
    await side.putGame('g', given);
    const before = await viewGame(side, 'g');
    const after = await act();
    expect({ ...after, operations: [], messages: [] }).to.deep.equal({
      ...before,
      operations: [],
      messages: [],
    });
    expect(after.operations).to.have.length(1);
    return after;
  }
  const acted = () => side.api.requests.filter((request) => request.method !== 'GET');
  const kinds = (view: GameView) =>
    view.operations.map((one) => `${one.op_kind} ${one.error_code ?? one.outcome}`);
  const intents = (view: GameView) => view.messages.filter((one) => one.channel === 'notification_intents');

  it('restart: is refused before the stop where two networks have the name', async () => {
    const { network } = side.tick.docker;
    side.api.always('GET /networks', answer(200, [{ Name: network }, { Name: network }]));
    const view = await changesNothing(restart);
    expect(kinds(view)).to.deep.equal(['restart start_config_invalid']);
    expect(view.operations[0]?.error_message).to.include(`2 Docker networks are named "${network}"`);
    expect(acted()).to.deep.equal([]);
  });

  it('patch: refuses an image with labels of more than 64 KiB before the stop', async () => {
    side.world.images.set(NEW_IMAGE, { id: 'sha256:big', labels: { note: 'x'.repeat(70_000) } });
    const view = await changesNothing(() => patch());
    expect(kinds(view)).to.deep.equal(['patch start_config_invalid']);
    expect(acted()).to.deep.equal([]);
  });

  it('restart: one turn over a stop and a start, which the log keeps beside it', async () => {
    const old = await side.putGame('g');
    const view = await restart();
    expect(view.containers).to.deep.equal([`${OLD_IMAGE} running`]);
    expect(side.world.containers.has(old?.id ?? '')).to.equal(false);
    expect(view.record).to.include({
      status: 'running',
      current_container_id: 'the running container',
      current_image_ref: OLD_IMAGE,
      never_stopped: true,
    });
    const common = { op_source: 'admin_rest', status: 'finished', outcome: 'success', error_message: null };
    expect(view.operations.map((one) => ({ ...one, error_code: one.error_code }))).to.deep.equal(
      [
        { op_kind: 'restart', container_id: 'the running container', inner: false },
        { op_kind: 'stop', container_id: 'a container that is gone', inner: true, exit_evidence: ENDED },
        { op_kind: 'start', container_id: 'the running container', inner: true },
      ].map((one) => ({ ...common, error_code: null, image_ref: OLD_IMAGE, exit_evidence: null, ...one })),
    );
    const correlations = await side.store.rows(
      'select distinct correlation_id from rtmanager.operation_log where game_id = $1',
      ['g'],
    );
    expect(correlations).to.have.length(1);
    // What RTM does itself is no incident.
    expect(view.messages.map((one) => one.event_type)).to.deep.equal(['container_started']);
  });

  it('patch: the same with another image, which is there before the old container is stopped', async () => {
    await side.putGame('g');
    side.world.images.delete(NEW_IMAGE);
    side.world.registry.set(NEW_IMAGE, { id: 'sha256:new' });
    const view = await patch();
    expect(view.containers).to.deep.equal([`${NEW_IMAGE} running`]);
    expect(view.record).to.include({ current_image_ref: NEW_IMAGE, image_digest: 'sha256:new' });
    expect(view.operations.map((one) => `${one.op_kind} ${one.image_ref}`)).to.deep.equal([
      `patch ${NEW_IMAGE}`,
      `stop ${OLD_IMAGE}`,
      `start ${NEW_IMAGE}`,
    ]);
    const order = acted().map((request) => `${request.method} ${request.path.split('/').at(-1)}`);
    expect(order.slice(0, 2)).to.deep.equal(['POST create', 'POST stop']);
  });

  it('a failed pull costs no downtime', async () => {
    side.world.images.delete(NEW_IMAGE);
    const view = await changesNothing(patch);
    expect(kinds(view)).to.deep.equal(['patch image_pull_failed']);
    expect(side.api.sent(STOP)).to.deep.equal([]);
    expect(intents(view)).to.have.length(1);
  });

  it('nor does a missing network, of a restart either; the alert names the recorded image', async () => {
    side.world.networks.clear();
    const view = await changesNothing(restart);
    expect(kinds(view)).to.deep.equal(['restart start_config_invalid']);
    expect(side.api.sent(STOP)).to.deep.equal([]);
    expect(intents(view)[0]?.payload).to.include(`"image_ref":"${OLD_IMAGE}"`);
    expect(view.operations[0]).to.include({ image_ref: OLD_IMAGE });
  });

  for (const [imageRef, code] of [
    ['galaxy/engine:1.1.0', 'semver_patch_only'],
    ['galaxy/engine:1.0.01', 'image_ref_not_semver'],
    ['galaxy/engine:latest', 'image_ref_not_semver'],
    ['galaxy/Engine:1.0.1', 'start_config_invalid'],
  ] as const) {
    it(`patch to ${imageRef}: ${code}, before Docker is asked for anything`, async () => {
      const view = await changesNothing(() => patch(imageRef));
      expect(kinds(view)).to.deep.equal([`patch ${code}`]);
      expect(acted()).to.deep.equal([]);
    });
  }

  it('patch of a stopped game starts the new image; its stop is a replay', async () => {
    await side.putGame('g', { status: 'stopped' });
    const view = await patch();
    expect(kinds(view)).to.deep.equal(['patch success', 'stop replay_no_op', 'start success']);
    expect(view.containers).to.deep.equal([`${NEW_IMAGE} running`]);
    expect(side.api.sent(STOP)).to.deep.equal([]);
  });

  it('restart of a stopped game starts it; its stop is a replay', async () => {
    await side.putGame('g', { status: 'stopped' });
    expect(kinds(await restart())).to.deep.equal(['restart success', 'stop replay_no_op', 'start success']);
  });

  it('a patch that is done already stops nothing', async () => {
    const view = await changesNothing(() => patch(`docker.io/${OLD_IMAGE}`));
    expect(kinds(view)).to.deep.equal(['patch replay_no_op']);
    expect(acted()).to.deep.equal([]);
  });

  it('a patch to the recorded image of a game that died all the same starts it', async () => {
    const old = await side.putGame('g');
    if (old) old.state = 'exited';
    const view = await patch(OLD_IMAGE);
    expect(view.containers).to.deep.equal([`${OLD_IMAGE} running`]);
    expect(view.messages.map((one) => one.event_type)).to.deep.equal([
      'container_exited',
      'container_started',
    ]);
  });

  for (const kind of ['restart', 'patch'] as const) {
    it(`${kind} of a game without a record: not_found`, async () => {
      expect(kinds(await run(kind, NEW_IMAGE))).to.deep.equal([`${kind} not_found`]);
      expect(side.world.containers.size).to.equal(0);
    });

    it(`${kind} of a removed game: conflict`, async () => {
      const view = await changesNothing(() => run(kind, NEW_IMAGE), { status: 'removed' });
      expect(kinds(view)).to.deep.equal([`${kind} conflict`]);
    });

    it(`${kind} of a game whose container vanished tells of the loss, and starts it`, async () => {
      await side.putGame('g');
      side.world.containers.clear();
      const view = await run(kind, NEW_IMAGE);
      expect(view.containers).to.have.length(1);
      expect(view.messages.map((one) => one.event_type)).to.deep.equal([
        'container_disappeared',
        'container_started',
      ]);
      expect(kinds(view).slice(1).sort()).to.deep.equal([
        'reconcile_dispose success',
        'start success',
        'stop success',
      ]);
    });
  }

  describe('whose new container can not start', () => {
    const refused = refuse(400, 'exec: no such file');
    const newIsBroken = () =>
      side.api.always(START, (exchange) => {
        const container = side.world.containers.get(exchange.request.params[0] ?? '');
        return container?.image === NEW_IMAGE ? refused(exchange) : exchange.send(exchange.act());
      });

    it('patch: brings the old image back, and is a failure that says so', async () => {
      await side.putGame('g');
      newIsBroken();
      const view = await patch();
      expect(view.containers).to.deep.equal([`${OLD_IMAGE} running`]);
      expect(view.record).to.include({
        status: 'running',
        current_image_ref: OLD_IMAGE,
        current_container_id: 'the running container',
      });
      expect(kinds(view)).to.deep.equal([
        'patch container_start_failed',
        'stop success',
        'start container_start_failed',
        'start success',
      ]);
      expect(view.operations[0]?.error_message).to.match(
        /no such file; rolled back, galaxy\/engine:1.0.0 runs again$/,
      );
      expect(view.messages.map((one) => one.event_type ?? one.notification_type)).to.deep.equal([
        'container_started',
        'runtime.container_start_failed',
      ]);
      expect(intents(view)[0]?.payload).to.include(`"image_ref":"${NEW_IMAGE}"`);
    });

    it('patch: brings it back from this host, even where every start is to pull', async () => {
      await side.close();
      side = await makeHandlerSide({ RTMANAGER_IMAGE_PULL_POLICY: 'always' }, store);
      await side.putGame('g');
      side.world.registry.set(NEW_IMAGE, { id: 'sha256:new' });
      newIsBroken();
      expect((await patch()).containers).to.deep.equal([`${OLD_IMAGE} running`]);
      expect(side.api.sent(PULL)).to.have.length(1);
    });

    it('patch of a stopped game: starts nothing that did not run; there is no container any more', async () => {
      await side.putGame('g', { status: 'stopped' });
      newIsBroken();
      const view = await patch();
      expect(view.containers).to.deep.equal([]);
      expect(view.record).to.include({
        status: 'removed',
        current_container_id: null,
        current_image_ref: OLD_IMAGE,
      });
      expect(kinds(view)).to.deep.equal([
        'patch container_start_failed',
        'stop replay_no_op',
        'start container_start_failed',
      ]);
      expect(view.messages.map((one) => one.channel)).to.deep.equal(['notification_intents']);
    });

    it('patch: tells both causes when the old one can not start either', async () => {
      await side.putGame('g');
      side.api.always(START, refused);
      const view = await patch();
      expect(view.containers).to.deep.equal([]);
      expect(view.record).to.include({ status: 'removed' });
      expect(view.operations[0]?.error_code).to.equal('container_start_failed');
      expect(view.operations[0]?.error_message).to.match(
        /; galaxy\/engine:1.0.0 could not be started again either: /,
      );
      expect(intents(view)).to.have.length(1);
    });

    it('restart: ends removed, and an explicit start brings the game back', async () => {
      await side.putGame('g');
      side.api.script(START, refused);
      const view = await restart();
      expect(kinds(view)).to.deep.equal([
        'restart container_start_failed',
        'stop success',
        'start container_start_failed',
      ]);
      expect(view.record).to.include({ status: 'removed', current_container_id: null });
      expect(intents(view)[0]?.payload).to.include(`"image_ref":"${OLD_IMAGE}"`);
      await side.queue({ gameId: 'g', imageRef: OLD_IMAGE });
      await side.run('g', 'start', handlers.start);
      expect((await viewGame(side, 'g')).record).to.include({ status: 'running' });
    });
  });

  describe('while Docker comes and goes', () => {
    /** Runs the attempt that is due after the pause of the one before. */
    async function again(kind: 'restart' | 'patch'): Promise<GameView> {
      await side.store.rows(`update rtmanager.operation_log set not_before = null where status = 'queued'`);
      await side.run('g', kind, handlers[kind]);
      return viewGame(side, 'g');
    }

    for (const [name, script] of [
      ['before it created', drop()],
      ['after it had created', actThenDrop()],
    ] as const) {
      it(`restart goes on where it was when Docker goes away ${name}`, async () => {
        await side.putGame('g');
        side.api.script('POST /containers/create', script);
        const between = await restart();
        expect(between.record).to.include({ status: 'stopped' });
        expect(between.operations[0]).to.include({ status: 'queued' });
        const view = await again('restart');
        expect(kinds(view)).to.deep.equal(['restart success', 'stop success', 'start success']);
        expect(view.containers).to.deep.equal([`${OLD_IMAGE} running`]);
        expect(side.api.sent(STOP)).to.have.length(1);
      });
    }

    it('patch goes on with its rollback', async () => {
      await side.putGame('g');
      side.api.script(START, refuse(400, 'exec: no such file'));
      side.api.script('GET /images/:name*/json', (exchange) => exchange.send(exchange.act()), drop());
      const between = await patch();
      expect(between.operations[0]).to.include({ status: 'queued' });
      const view = await again('patch');
      expect(view.containers).to.deep.equal([`${OLD_IMAGE} running`]);
      expect(kinds(view)).to.deep.equal([
        'patch container_start_failed',
        'stop success',
        'start container_start_failed',
        'start success',
      ]);
      expect(view.operations[0]?.error_message).to.match(/no such file; rolled back, /);
    });
  });

  it('never stops or removes a container of the name that is not ours', async () => {
    const old = await side.putGame('g');
    side.world.containers.delete(old?.id ?? '');
    side.world.put({ name: old?.name ?? '', labels: {} });
    const view = await restart();
    expect(view.operations[0]).to.include({ error_code: 'container_start_failed' });
    expect(view.containers).to.have.length(1);
    expect(side.api.sent('DELETE /containers/:id')).to.deep.equal([]);
  });

  it('takes back a new container that it can not record, and tells what is left', async () => {
    const old = await side.putGame('g');
    await side.refuseRecords(`new.status = 'running'`);
    const view = await restart();
    expect(view.containers).to.deep.equal([]);
    expect(side.world.containers.has(old?.id ?? '')).to.equal(false);
    expect(view.operations[0]).to.include({ error_code: 'internal_error', image_ref: OLD_IMAGE });
    expect(view.operations[0]?.error_message).to.equal(
      'The runtime record could not be written; the container was removed',
    );
    expect(kinds(view)).to.deep.equal(['restart internal_error', 'stop success', 'start internal_error']);
    expect(view.record).to.include({ status: 'removed', current_container_id: null });
    expect(view.messages).to.deep.equal([]);
  });
});
