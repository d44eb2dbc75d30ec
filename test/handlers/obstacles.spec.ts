import { expect } from 'chai';
import { handlers } from '../../handlers/index.ts';
import type { Handlers } from '../../handlers/types.ts';
import { StoreAwayError } from '../../lib/store-away-error.ts';
import { crashingAt } from '../helpers/crash.ts';
import { drop, refuse } from '../helpers/fake-docker-scripts.ts';
import { type GameView, viewGame } from '../helpers/game-view.ts';
import { type HandlerSide, makeHandlerSide, NEW_IMAGE, OLD_IMAGE } from '../helpers/handler-side.ts';
import { makeStore, type Store } from '../helpers/store.ts';

const START = 'POST /containers/:id/start';
const STOP = 'POST /containers/:id/stop';
const REMOVE = 'DELETE /containers/:id';
const refused = refuse(400, 'exec: no such file');

describe('an operation that something stands in the way of ends, and leaves the game as it says', () => {
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

  const queue = (opKind: keyof Handlers, imageRef: string | null = null) =>
    side.queue({ gameId: 'g', opKind, imageRef });
  async function run(kind: keyof Handlers, handler = handlers[kind]): Promise<GameView> {
    await side.run('g', kind, handler);
    return viewGame(side, 'g');
  }
  /** Lets one attempt after the other die a step later, until one has died behind the step of that name. */
  async function dieAfter(kind: keyof Handlers, step: string): Promise<void> {
    for (let at = 0; ; at += 1) {
      const attempt = crashingAt(handlers[kind], { step: at, when: 'after' });
      const { result } = await side.run('g', kind, attempt.handler);
      if (result !== 'handed over') throw new Error(`there is no step ${step} in ${attempt.steps}`);
      await side.store.expireLease('g');
      if (attempt.steps[at] === step) return;
    }
  }

  describe('a record that PostgreSQL refuses', () => {
    it('does not keep the failure of a start from being told', async () => {
      await side.putGame('g', { status: 'stopped' });
      await side.refuseRecords('true');
      side.api.always(START, refused);
      await queue('start', OLD_IMAGE);
      const view = await run('start');
      expect(view.operations[0]).to.include({ status: 'finished', error_code: 'container_start_failed' });
      expect(view.operations[0]?.error_message).to.match(
        /no such file; what that left could not be recorded/,
      );
    });

    it('makes a rollback take its container back', async () => {
      await side.putGame('g');
      await side.refuseRecords(`new.status = 'running'`);
      side.api.script(START, refused);
      await queue('patch', NEW_IMAGE);
      const view = await run('patch');
      expect(view.operations[0]).to.include({ status: 'finished', error_code: 'container_start_failed' });
      expect(view.operations[0]?.error_message).to.match(/could not be recorded; the container was removed$/);
      expect(view.containers).to.deep.equal([]);
    });

    it('takes the stop of a restart back: the game runs on', async () => {
      const old = await side.putGame('g');
      await side.refuseRecords('true');
      await queue('restart');
      const view = await run('restart');
      expect(view.operations[0]).to.include({ status: 'finished', error_code: 'internal_error' });
      expect(view.operations[0]?.error_message).to.match(
        /^The stop could not be recorded; container .* runs again$/,
      );
      expect(view.record).to.include({ status: 'running', current_container_id: 'the running container' });
      expect([...side.world.containers.keys()]).to.deep.equal([old?.id]);
    });

    it('does not keep a patch from its rollback', async () => {
      await side.putGame('g');
      await side.refuseRecords(`new.status = 'removed'`);
      side.api.script(START, refused);
      await queue('patch', NEW_IMAGE);
      const view = await run('patch');
      expect(view.operations[0]?.error_message).to.match(/rolled back, galaxy\/engine:1.0.0 runs again$/);
      expect(view.containers).to.deep.equal([`${OLD_IMAGE} running`]);
      expect(view.record).to.include({ status: 'running' });
    });
  });

  it('a leftover that Docker does not remove: the first cause, and what is left', async () => {
    await queue('start', OLD_IMAGE);
    await dieAfter('start', 'docker.create');
    side.api.always(REMOVE, refuse(500, 'device or resource busy'));
    const view = await run('start');
    expect(view.operations[0]).to.include({ status: 'finished', error_code: 'container_start_failed' });
    expect(view.operations[0]?.error_message).to.match(
      /can not be removed: .*; container .* of an earlier attempt could not be removed: device or resource busy$/,
    );
  });

  it('PostgreSQL away at a second attempt: the container of the first one runs on, and is taken over', async () => {
    await queue('start', OLD_IMAGE);
    await dieAfter('start', 'docker.start');
    const acted = () => side.api.requests.filter((request) => request.method !== 'GET').length;
    const before = acted();
    const between = await run('start', (operation, context) =>
      handlers.start(operation, {
        ...context,
        records: { get: () => Promise.reject(new StoreAwayError('away')), sharingName: async () => null },
      }),
    );
    expect(between.operations[0]).to.include({ status: 'queued' });
    await side.store.rows(`update rtmanager.operation_log set not_before = null`);
    const view = await run('start');
    expect(view.operations[0]).to.include({ outcome: 'success' });
    expect(acted(), 'what was asked of Docker since').to.equal(before);
  });

  for (const kind of ['stop', 'cleanup_container'] as const) {
    it(`Docker away for longer than the window ends a ${kind} also after a death, for it creates nothing`, async () => {
      await side.putGame('g', { status: kind === 'stop' ? 'running' : 'stopped' });
      await queue(kind);
      await dieAfter(kind, 'records.get');
      await side.store.rows(`update rtmanager.operation_log set retrying_since = now() - interval '1 hour'`);
      for (const route of [STOP, REMOVE, 'GET /containers/:id/json']) side.api.always(route, drop());
      const view = await run(kind);
      expect(view.operations[0]).to.include({ status: 'finished', error_code: 'docker_unavailable' });
    });
  }

  for (const [kind, imageRef] of [
    ['restart', OLD_IMAGE],
    ['patch', NEW_IMAGE],
  ] as const) {
    it(`a ${kind} moves a game to the network that is configured now`, async () => {
      const old = await side.putGame('g');
      if (old) side.world.containers.set(old.id, { ...old, networks: ['the network of last year'] });
      side.world.networks.add('the network of last year');
      await queue(kind, imageRef);
      const view = await run(kind);
      expect(view.operations[0]).to.include({ outcome: 'success' });
      expect(
        [...side.world.containers.values()].map((one) => [one.image, one.state, one.networks]),
      ).to.deep.equal([[imageRef, 'running', ['galaxy']]]);
    });

    it(`a ${kind} replaces a container that somebody started by hand`, async () => {
      const old = await side.putGame('g', { status: 'stopped' });
      if (old) old.state = 'running';
      await queue(kind, imageRef);
      const view = await run(kind);
      expect(view.operations.map((one) => one.error_code ?? one.outcome)).to.deep.equal([
        'success',
        'success',
        'success',
      ]);
      expect(side.world.containers.has(old?.id ?? '')).to.equal(false);
      expect(view.containers).to.deep.equal([`${imageRef} running`]);
    });
  }
});
